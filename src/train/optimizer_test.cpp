#include "train/optimizer.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "train/schedule.h"

namespace san {
namespace {

Param trainable(const std::string& name, const Shape& shape) {
  at::manual_seed(static_cast<std::uint64_t>(shape.elements()));
  return {name, host_array_of(at::randn(std::vector<std::int64_t>(shape.begin(), shape.end()))), true};
}

TEST(Optimizer, StepsAsAdamWIsDefined) {
  TorchParameters parameters(at::kCPU, true);
  const at::Tensor leaf = parameters.leaf(trainable("side.weight", {3, 2}));
  const at::Tensor norm_leaf = parameters.leaf(trainable("blocks.0.norm1.weight", {5}));
  OptimizerOptions o;
  o.lr = 0.1, o.weight_decay = 0.5, o.clip_norm = 0;
  std::vector<double> w(6), m(6, 0), v(6, 0);
  for (int i = 0; i < 6; ++i) w[static_cast<std::size_t>(i)] = leaf.view(-1)[i].item<double>();
  const at::Tensor norm_before = norm_leaf.detach().clone();
  Optimizer optimizer(parameters, o);
  for (int step = 1; step <= 3; ++step) {
    optimizer.zero_grad();
    const at::Tensor factors = at::arange(1, 7, at::kFloat).view({3, 2}) * step;
    (leaf * factors).sum().backward();
    optimizer.step(0.5, optimizer.norm());
    for (std::size_t i = 0; i < 6; ++i) {
      const double g = static_cast<double>(i + 1) * step, lr = 0.05;
      m[i] = 0.9 * m[i] + 0.1 * g;
      v[i] = 0.999 * v[i] + 0.001 * g * g;
      w[i] -= lr * 0.5 * w[i];
      w[i] -=
          lr * (m[i] / (1 - std::pow(0.9, step))) / (std::sqrt(v[i] / (1 - std::pow(0.999, step))) + 1e-8);
      EXPECT_NEAR(leaf.view(-1)[static_cast<std::int64_t>(i)].item<double>(), w[i], 2e-6) << step;
    }
  }
  EXPECT_TRUE(at::equal(norm_leaf, norm_before)) << "norms have no decay, and this one no gradient";
}

TEST(Optimizer, ClipsTheNormOfAllGradientsTogether) {
  TorchParameters parameters(at::kCPU, true);
  const at::Tensor a = parameters.leaf(trainable("a", {1})), b = parameters.leaf(trainable("b", {1}));
  OptimizerOptions o;
  o.clip_norm = 0.01;
  Optimizer optimizer(parameters, o);
  (a * 3 + b * 4).sum().backward();
  const at::Tensor norm = optimizer.norm(2);
  EXPECT_FLOAT_EQ(norm.item<float>(), 2.5f) << "after the division by 2";
  optimizer.step(0, norm);
  EXPECT_NEAR(a.grad().item<float>(), 0.006, 1e-6);
  EXPECT_NEAR(b.grad().item<float>(), 0.008, 1e-6);
}

TEST(Optimizer, WeightDecayFollowsTheOfficialNames) {
  const OptimizerOptions o;
  for (const char* name :
       {"side_adapter_network.vit_model.blocks.0.norm1.weight", "clip_rec_head.ln_post.bias",
        "side_adapter_network.query_embed", "side_adapter_network.query_pos_embed",
        "side_adapter_network.vit_model.pos_embed", "clip_visual_extractor.positional_embedding"})
    EXPECT_EQ(weight_decay_of(name, o), 0) << name;
  for (const char* name : {"side_adapter_network.fusion_layers.layer_0.input_proj.0.weight",
                           "ov_classifier.bg_embed", "side_adapter_network.mask_decoder.bias_scaling.weight",
                           "side_adapter_network.vit_model.blocks.0.attn.qkv.bias",
                           "side_adapter_network.vit_model.patch_embed.proj.weight"})
    EXPECT_EQ(weight_decay_of(name, o), 1e-4) << name;
}

TEST(Optimizer, MuonStepsAreSemiOrthogonal) {
  at::manual_seed(3);
  for (const auto& [rows, columns] : {std::pair{16, 16}, {32, 8}, {8, 32}}) {
    const at::Tensor o = orthogonalized(at::randn({2, rows, columns}));
    const at::Tensor gram =
        rows > columns ? at::matmul(o.transpose(1, 2), o) : at::matmul(o, o.transpose(1, 2));
    const at::Tensor diagonal = gram.diagonal(0, 1, 2);
    // Five steps bring singular values to about 0.7 … 1.2, so squares to 0.4 … 1.5.
    EXPECT_GT(diagonal.min().item<float>(), 0.3f);
    EXPECT_LT(diagonal.max().item<float>(), 1.6f);
  }
}

TEST(Optimizer, MuonLowersALossOnFusedProjections) {
  TorchParameters parameters(at::kCPU, true);
  const at::Tensor qkv = parameters.leaf(trainable("x.resblocks.0.attn.in_proj_weight", {12, 4}));
  OptimizerOptions o;
  o.muon = true, o.clip_norm = 0;
  Optimizer optimizer(parameters, o);
  const auto loss = [&] { return (qkv - 1).pow(2).sum(); };
  const double before = loss().item<double>();
  for (int i = 0; i < 200; ++i) {
    optimizer.zero_grad();
    loss().backward();
    optimizer.step(1, optimizer.norm());
  }
  EXPECT_LT(loss().item<double>(), 0.2 * before);
}

TEST(Optimizer, StateSurvivesARoundTrip) {
  const auto run = [](bool interrupt) {
    TorchParameters parameters(at::kCPU, true);
    at::Tensor w = parameters.leaf(trainable("w", {4}));
    OptimizerOptions o;
    o.lr = 0.1;
    auto optimizer = std::make_unique<Optimizer>(parameters, o);
    for (int i = 0; i < 4; ++i) {
      if (interrupt && i == 2) {
        std::map<std::string, at::Tensor> state;
        for (const auto& [name, t] : optimizer->state()) state[name] = t.clone();
        optimizer = std::make_unique<Optimizer>(parameters, o);
        optimizer->load_state(state, 2);
      }
      optimizer->zero_grad();
      w.pow(2).sum().backward();
      optimizer->step(1, optimizer->norm());
    }
    return w.detach().clone();
  };
  EXPECT_TRUE(at::equal(run(false), run(true)));
  TorchParameters parameters(at::kCPU, true);
  parameters.leaf(trainable("w", {4}));
  Optimizer optimizer(parameters, {});
  EXPECT_THROW(optimizer.load_state({}, 1), Error);
}

TEST(Schedule, PolyIsTheOfficialOne) {
  const Schedule poly;
  const std::pair<int, double> expected[] = {{0, 1e-4},
                                             {1, 9.999849999874999e-05},
                                             {19, 9.99714995486976e-05},
                                             {1000, 9.84987422935722e-05},
                                             {30000, 5.358867312681466e-05},
                                             {59999, 5.007994862237932e-09}};
  for (const auto& [iteration, lr] : expected)
    EXPECT_NEAR(1e-4 * poly.factor(iteration / 60000.0), lr, 1e-16) << iteration;
}

TEST(Schedule, RisesAndFallsWhereTold) {
  const Schedule s{Schedule::Kind::kTrapezoid, 0.9, 0.1, 0.2};
  EXPECT_DOUBLE_EQ(s.factor(0.05), 0.5);
  EXPECT_DOUBLE_EQ(s.factor(0.5), 1);
  EXPECT_NEAR(s.factor(0.9), 0.5, 1e-12);
  EXPECT_DOUBLE_EQ(s.factor(1), 0);
  EXPECT_NEAR((Schedule{Schedule::Kind::kCosine, 0, 0, 0}.factor(0.5)), 0.5, 1e-12);
  EXPECT_THROW(Schedule::parse("sawtooth"), Error);
}

}  // namespace
}  // namespace san
