#include <gmock/gmock.h>

#include <atomic>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <thread>

#include "backend/count/count_backend.h"
#include "backend/reference/reference_backend.h"
#include "base/error.h"
#include "checkpoint/formula.h"
#include "model/san.h"

namespace san {
namespace {

FormulaSource formula(const SanConfig& config) {
  return {declare_parameters(config), "", "formula"};
}

std::int64_t trainable(const SanConfig& config) {
  std::int64_t n = 0;
  for (const Declaration& d : declare_parameters(config)) n += d.trainable ? d.shape.elements() : 0;
  return n;
}

Cost image_branch(const SanConfig& config, Grid size, CountMode mode) {
  const auto b = make_count_backend(mode);
  const FormulaSource none({}, "", "");
  ParamLoader loader;
  const San network(loader, config);
  network.forward(
      *b,
      b->from_host({1, size.tokens(), 3}, std::vector<float>(static_cast<std::size_t>(size.tokens() * 3))),
      size);
  return b->cost();
}

// docs/network.md §10.
TEST(San, HasThePublishedNumberOfTrainableParameters) {
  EXPECT_EQ(trainable(SanConfig::vit_b_16()), 8'370'866);
  EXPECT_EQ(trainable(SanConfig::vit_l_14_336()), 9'321'650);
  EXPECT_EQ(trainable(SanConfig::tiny()), 182'226);
}

// docs/network.md §10, given to 0.1 G; its count leaves out the last projection, a bare matrix product (0.04
// G and 0.08 G).
TEST(San, TakesThePublishedMultiplyAdds) {
  const auto giga = [](const SanConfig& c, Grid size) {
    const std::int64_t projection = c.queries * c.clip.width * c.clip.embed_dim;
    return std::round(static_cast<double>(image_branch(c, size, CountMode::kDefinition).macs - projection) /
                      1e8) /
           10;
  };
  EXPECT_DOUBLE_EQ(giga(SanConfig::vit_b_16(), {640, 640}), 63.2);
  EXPECT_DOUBLE_EQ(giga(SanConfig::vit_b_16(), {640, 864}), 90.4);
  EXPECT_DOUBLE_EQ(giga(SanConfig::vit_l_14_336(), {640, 640}), 396.7);
  EXPECT_DOUBLE_EQ(giga(SanConfig::vit_l_14_336(), {640, 864}), 558.7);
}

TEST(San, RewritesSaveMultiplyAdds) {
  const auto c = SanConfig::vit_b_16();
  EXPECT_LT(image_branch(c, {640, 640}, CountMode::kNeeded).macs, 60e9);
}

// The cheap recognition equals the paper's dense form: both run on the reference backend, whose sums are
// double, so only the float32 rounding of intermediate tensors differs.
TEST(San, CheapRecognitionEqualsTheDefinition) {
  for (const bool decoupled : {true, false})
    for (const int start : {-1, 0}) {
      SanConfig c = SanConfig::tiny();
      c.decoupled_heads = decoupled;
      c.recognition_layer = start;
      const FormulaSource source = formula(c);
      const auto b = make_reference_backend();
      ParamLoader loader(*b, source);
      const San network(loader, c);
      std::vector<float> image(2 * 64 * 96 * 3);
      for (std::size_t i = 0; i < image.size(); ++i) image[i] = std::sin(static_cast<float>(i) * 0.37f);
      const Tensor x = b->from_host({2, 64 * 96, 3}, image);
      const auto dense = network.forward(*b, x, {64, 96}, true, Form::kDefinition);
      const auto cheap = network.forward(*b, x, {64, 96}, true, Form::kRewritten);
      ASSERT_EQ(dense.size(), 2u);
      for (std::size_t k = 0; k < dense.size(); ++k) {
        ASSERT_EQ(cheap[k].embeddings.shape(), (Shape{2, c.queries, c.clip.embed_dim}));
        const auto expected = b->to_host(dense[k].embeddings), got = b->to_host(cheap[k].embeddings);
        for (std::size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(got[i], expected[i], 2e-6) << i;
      }
    }
}

// The other thread's wish is seen by the very next op, so well within a block; the session goes on
// afterwards.
TEST(San, StopsAtTheNextOpWhenAnotherThreadCancels) {
  const SanConfig c = SanConfig::tiny();
  const FormulaSource source = formula(c);
  const auto b = make_reference_backend();
  ParamLoader loader(*b, source);
  const San network(loader, c);
  const Tensor x = b->from_host({1, 64 * 64, 3}, std::vector<float>(64 * 64 * 3, 0.5f));
  const auto whole = b->to_host(network.forward(*b, x, {64, 64}).back().embeddings);

  std::atomic<bool> cancelled = false, reached = false;
  std::thread other([&] {
    reached.wait(false);
    cancelled = true;
    cancelled.notify_one();
  });
  int after = 0;
  b->observe([&](const OpRecord& op) {
    if (op.name != "side_adapter_network.blocks.1") return;
    if (reached.exchange(true)) ++after;
    reached.notify_one();
    cancelled.wait(false);
  });
  try {
    const Backend::CancelWhen guard(*b, &cancelled);
    network.forward(*b, x, {64, 64});
    ADD_FAILURE() << "ran to its end";
  } catch (const Cancelled& e) {
    EXPECT_THAT(e.what(),
                testing::HasSubstr(
                    "cancelled before layer_norm (side_adapter_network.vit_model.blocks.1.norm1.weight)"));
  }
  other.join();
  EXPECT_EQ(after, 0);
  EXPECT_EQ(b->scope(), "");
  b->observe({});
  EXPECT_EQ(b->to_host(network.forward(*b, x, {64, 64}).back().embeddings), whole);
}

// The seam and nn serve any transformer: none of SAN's names is in their sources.
TEST(San, IsNotMentionedBelow) {
  std::set<std::string> names{"SLS", "side adapter", "Side adapter", "recognition", "official", "REFERENCE"};
  for (const Declaration& d : declare_parameters(SanConfig::tiny()))
    names.insert(d.name.substr(0, d.name.find('.')));
  const auto b = make_count_backend(CountMode::kDefinition);
  b->on_tap([&](std::string_view name, const Tensor&) { names.emplace(name); });
  ParamLoader loader;
  const San network(loader, SanConfig::tiny());
  network.classify(
      *b,
      network.forward(*b, b->from_host({1, 64 * 64, 3}, std::vector<float>(64 * 64 * 3)), {64, 64})
          .back()
          .embeddings,
      network.classifier(
          *b, b->from_host({1, SanConfig::tiny().clip.embed_dim},
                           std::vector<float>(static_cast<std::size_t>(SanConfig::tiny().clip.embed_dim)))));
  ASSERT_GT(names.size(), 30u);
  // Two of its tensors carry names that mean something to every network.
  for (const char* general : {"attn_bias", "classifier"}) EXPECT_EQ(names.erase(general), 1u) << general;
  for (const char* room : {"src/backend", "src/nn"})
    for (const auto& file :
         std::filesystem::recursive_directory_iterator(std::filesystem::path(SAN_SOURCE_DIR) / room)) {
      if (!file.is_regular_file()) continue;
      std::ifstream in(file.path());
      const std::string text{std::istreambuf_iterator<char>(in), {}};
      for (const std::string& name : names)
        EXPECT_EQ(text.find(name), std::string::npos) << file.path() << " knows " << name;
      EXPECT_FALSE(std::regex_search(text, std::regex(R"(\b(SAN|San)\b)"))) << file.path();
    }
}

TEST(SanConfig, SurvivesJson) {
  for (const char* name : {"vit-b-16", "vit-l-14-336", "tiny"}) {
    const SanConfig c = SanConfig::named(name);
    EXPECT_EQ(SanConfig::from_json(c.to_json(), "test"), c);
  }
}

TEST(SanConfig, RefusesNonsense) {
  EXPECT_THROW(SanConfig::named("resnet"), Error);
  EXPECT_THROW(SanConfig::from_json("[]", "test"), Error);
  EXPECT_THROW(SanConfig::from_json("{", "test"), Error);
  std::string text = SanConfig::tiny().to_json();
  const auto swap = [&](const std::string& from, const std::string& to) {
    std::string changed = text;
    const auto at = changed.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return changed.replace(at, from.size(), to);
  };
  EXPECT_THROW(SanConfig::from_json(swap("\"queries\":10", "\"queries\":-1"), "test"), Error);
  EXPECT_THROW(SanConfig::from_json(swap("\"queries\":10", "\"queries\":\"many\""), "test"), Error);
  EXPECT_THROW(SanConfig::from_json(swap("\"queries\":10", "\"querys\":10"), "test"), Error);
  EXPECT_THROW(SanConfig::from_json(swap("\"heads\":3", "\"heads\":5"), "test"), Error);
  EXPECT_THROW(SanConfig::from_json(swap("\"supervision\":[3,4]", "\"supervision\":[4,3]"), "test"), Error);
}

}  // namespace
}  // namespace san
