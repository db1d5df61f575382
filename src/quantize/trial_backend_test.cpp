#include "quantize/trial_backend.h"

#include <gtest/gtest.h>

#include <cmath>

#include "backend/reference/reference_backend.h"
#include "base/random.h"

namespace san {
namespace {

std::vector<float> random_values(std::int64_t count, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& v : values) v = rng.normal();
  return values;
}

class TrialTest : public testing::Test {
 protected:
  static constexpr std::int64_t kRows = 7, kIn = 12, kOut = 5;
  const std::shared_ptr<Trial> trial_ = std::make_shared<Trial>();
  const std::unique_ptr<Backend> b_ = make_trial_backend(make_reference_backend(), trial_);
  const std::vector<float> x_ = random_values(kRows * kIn, 1), w_ = random_values(kIn * kOut, 2),
                           bias_ = random_values(kOut, 3);
  const Param weight_{"block.fc.weight", HostArray::from({kOut, kIn}, w_)};
  const Param bias_param_{"block.fc.bias", HostArray::from({kOut}, bias_)};
};

TEST_F(TrialTest, ObservesWhatComesInAndChangesNothing) {
  const LinearWeight w = b_->prepare_linear(weight_, &bias_param_);
  const auto plain = make_reference_backend();
  const LinearWeight exact = plain->prepare_linear(weight_, &bias_param_);
  trial_->observing = true;
  const auto got = b_->to_host(b_->linear(b_->from_host({1, kRows, kIn}, x_), w));
  EXPECT_EQ(got, plain->to_host(plain->linear(plain->from_host({1, kRows, kIn}, x_), exact)));
  ASSERT_EQ(trial_->layers.size(), 1u);
  const TrialLayer& layer = *trial_->layers[0];
  EXPECT_EQ(layer.name, "block.fc.weight");
  EXPECT_EQ(layer.macs, kRows * kIn * kOut);
  float largest = 0;
  for (const float v : x_) largest = std::max(largest, std::abs(v));
  EXPECT_EQ(layer.seen.largest(), largest);
}

// Against integer arithmetic: Σ (integer of x · integer of w), times both scales, plus the bias.
TEST_F(TrialTest, ALayerInInt8IsTheSumOfProductsOfIntegers) {
  for (const LinearLayout layout : {LinearLayout::kOutIn, LinearLayout::kInOut}) {
    const bool out_in = layout == LinearLayout::kOutIn;
    Param weight = weight_;
    if (!out_in) weight.value = HostArray::from({kIn, kOut}, w_);
    const LinearWeight w = b_->prepare_linear(weight, &bias_param_, layout);
    TrialLayer& layer = *trial_->layers.back();
    layer.int8 = true;
    layer.scale = 2.5f / kInt8Most;  // some values are cut off
    const auto got = b_->to_host(b_->linear(b_->from_host({1, kRows, kIn}, x_), w));
    std::vector<float> matrix(w_.size());
    for (std::size_t i = 0; i < kIn; ++i)
      for (std::size_t o = 0; o < kOut; ++o) matrix[i * kOut + o] = w_[out_in ? o * kIn + i : i * kOut + o];
    const QuantizedMatrix q = quantize_matrix(matrix, kIn, kOut);
    for (std::size_t r = 0; r < kRows; ++r)
      for (std::size_t o = 0; o < kOut; ++o) {
        std::int64_t sum = 0;
        for (std::size_t i = 0; i < kIn; ++i)
          sum += static_cast<std::int64_t>(quantized(x_[r * kIn + i], layer.scale)) *
                 static_cast<std::int64_t>(q.integers[i * kOut + o]);
        const double expected = static_cast<double>(sum) * layer.scale * q.scales[o] + bias_[o];
        EXPECT_NEAR(got[r * kOut + o], expected, 1e-5) << r << ", " << o;  // twelve float32 products of ~5
      }
  }
}

TEST_F(TrialTest, RowsOfAFusedWeightAreALayerOfTheirOwn) {
  Param part = weight_;
  part.row_begin = 1, part.row_end = 3;
  b_->prepare_linear(part, nullptr);
  EXPECT_EQ(trial_->layers.back()->name, "block.fc.weight[1:3]");
  EXPECT_EQ(trial_->layers.back()->out, 2);
}

TEST_F(TrialTest, AnMlpRunsLayerByLayer) {
  const Param second{"block.proj.weight", HostArray::from({kIn, kOut}, random_values(kIn * kOut, 4))};
  const LinearWeight fc1 = b_->prepare_linear(weight_, &bias_param_),
                     fc2 = b_->prepare_linear(second, nullptr);
  trial_->observing = true;
  b_->mlp(b_->from_host({1, kRows, kIn}, x_), fc1, Activation::kGelu, fc2);
  for (const auto& layer : trial_->layers) EXPECT_EQ(layer->macs, kRows * kIn * kOut) << layer->name;
}

}  // namespace
}  // namespace san
