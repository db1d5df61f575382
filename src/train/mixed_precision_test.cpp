// The mixed-precision path as far as a CPU goes: bfloat16, on processors that multiply it.
#include <gtest/gtest.h>

#include <cmath>

#include "backend/torch/matmul.h"
#include "model/initial_parameters.h"
#include "train/contrastive.h"
#include "train/network.h"
#include "train/recipe.h"

namespace san {
namespace {

using Gradients = std::map<std::string, at::Tensor>;

class MixedPrecision : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!cpu_multiplies_bf16()) GTEST_SKIP() << "this processor, or this build, does not multiply bfloat16";
  }
  static std::shared_ptr<TorchBackend> backend(Precision precision) {
    return std::make_shared<TorchBackend>(TorchOptions{"cpu", precision, true});
  }
  static Gradients gradients(const TorchParameters& parameters) {
    Gradients all;
    for (const std::string& name : parameters.trainable_names()) {
      const at::Tensor gradient = parameters[name].grad();
      EXPECT_EQ(parameters[name].scalar_type(), at::kFloat) << name;
      EXPECT_TRUE(gradient.defined() && gradient.scalar_type() == at::kFloat) << name;
      all[name] = gradient;
    }
    return all;
  }
  // bfloat16 has 8 bits: a product is off by 0.4 %, and a dozen follow one another. Where gradients of both
  // signs cancel, in one parameter or another, more is left of that.
  static void expect_close(const Gradients& rounded, const Gradients& exact) {
    double error = 0, whole = 0;
    for (const auto& [name, value] : exact) {
      const double difference = (rounded.at(name) - value).norm().item<double>();
      const double size = value.norm().item<double>();
      EXPECT_LT(difference, 0.2 * size) << name;
      error += difference * difference, whole += size * size;
    }
    EXPECT_LT(std::sqrt(error / whole), 0.03);
    EXPECT_GT(error, 0) << "nothing was computed in bfloat16";
  }
};

TEST_F(MixedPrecision, TheSideAdaptersGradientsAreThoseOfFloat32) {
  SanConfig config = SanConfig::tiny();
  const InitialParameters initial(config, 3);
  const auto run = [&](Precision precision) {
    at::manual_seed(1);
    const auto b = backend(precision);
    TrainableSan network(b, initial, config);
    const auto predictions =
        network.forward(at::randn({2, 96, 96, 3}), at::randn({5, config.clip.embed_dim}));
    at::Tensor loss = at::zeros({});
    for (const Prediction& p : predictions)
      loss = loss + p.class_logits.to(at::kFloat).log_softmax(-1).select(2, 1).mean() +
             p.mask_logits.to(at::kFloat).sigmoid().pow(2).mean();
    loss.backward();
    return gradients(*b->parameters());
  };
  expect_close(run(Precision::kBF16), run(Precision::kF32));
}

TEST_F(MixedPrecision, BothTowersGradientsAreThoseOfFloat32) {
  SanConfig config = SanConfig::tiny();
  config.clip.vocabulary = 600;
  const InitialParameters initial(config, 3);
  const auto run = [&](Precision precision) {
    at::manual_seed(1);
    const auto b = backend(precision);
    ContrastiveClip clip(b, initial, config.clip, config.feature_layer,
                         trainable_rule({"clip_vision", "position", "clip_text", "logit_scale"}));
    const at::Tensor images = clip.embed_images(at::randn({3, 64, 64, 3}));
    const at::Tensor texts = clip.embed_prompts({{598, 5, 599}, {598, 9, 7, 599}, {598, 11, 599}});
    EXPECT_EQ(images.scalar_type(), at::kFloat)
        << "processes exchange embeddings, and Gloo knows no bfloat16";
    EXPECT_EQ(texts.scalar_type(), at::kFloat);
    info_nce(images, texts, images, texts, 0, clip.logit_scale()).backward();
    return gradients(*b->parameters());
  };
  expect_close(run(Precision::kBF16), run(Precision::kF32));
}

}  // namespace
}  // namespace san
