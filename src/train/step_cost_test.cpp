#include "train/step_cost.h"

#include <gtest/gtest.h>

#include "backend/count/count_backend.h"
#include "model/san.h"

namespace san {
namespace {

constexpr Grid kSize{96, 64};
constexpr std::int64_t kBatch = 2, kClasses = 7;

StepCost cost(const TrainableRule& trainable) {
  return step_cost(SanConfig::tiny(), trainable, kSize, kBatch, kClasses);
}

// What the counting backend says of the same forward pass.
std::int64_t counted_forward() {
  const SanConfig config = SanConfig::tiny();
  const auto b = make_count_backend(CountMode::kNeeded);
  ParamLoader loader;
  const San network(loader, config);
  const std::vector<float> image(static_cast<std::size_t>(kBatch * kSize.tokens() * 3));
  const std::vector<float> text(static_cast<std::size_t>(kClasses * config.clip.embed_dim));
  const Tensor classifier = network.classifier(*b, b->from_host({kClasses, config.clip.embed_dim}, text));
  for (const SanOutput& out :
       network.forward(*b, b->from_host({kBatch, kSize.tokens(), 3}, image), kSize, true))
    network.classify(*b, out.embeddings, classifier);
  return b->cost().macs;
}

// Patch embeddings by hand: CLIP sees half the size.
std::int64_t patch_embeddings() {
  const SanConfig c = SanConfig::tiny();
  const std::int64_t pixels = kBatch * kSize.tokens() * 3;
  return pixels * c.width + pixels / 4 * c.clip.width;
}

TEST(StepCost, ForwardIsWhatTheCountingBackendCounts) {
  EXPECT_EQ(cost(official_trainable).forward, counted_forward());
}

TEST(StepCost, NothingTrainedNeedsNoBackward) {
  const StepCost c = cost([](std::string_view) { return false; });
  EXPECT_EQ(c.backward_inputs + c.backward_weights, 0);
}

TEST(StepCost, EverythingTrainedCostsTwoBackwardsPerProductButForPictures) {
  const StepCost c = cost([](std::string_view) { return true; });
  // Every product has two operands; of pictures no gradient is needed.
  EXPECT_EQ(c.backward_inputs + c.backward_weights, 2 * c.forward - patch_embeddings());
}

TEST(StepCost, AFrozenNetworkUnderOneTrainedLayerCostsWhatLiesAboveIt) {
  const StepCost c = cost([](std::string_view name) {
    return name == "side_adapter_network.mask_decoder.pix_mlp.layers.2.weight";
  });
  const SanConfig config = SanConfig::tiny();
  const std::int64_t tokens = kSize.tokens() / (config.patch * config.patch);
  const auto outputs = static_cast<std::int64_t>(config.supervision.size());
  // The layer itself, and the product of its pixels with the frozen queries.
  EXPECT_EQ(c.backward_weights, outputs * kBatch * tokens * config.mlp_channels * config.embed_channels);
  EXPECT_EQ(c.backward_inputs, outputs * kBatch * config.queries * tokens * config.embed_channels);
}

}  // namespace
}  // namespace san
