#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "backend/torch/cpu_attention.h"
#include "backend/torch/cpu_runtime.h"
#include "backend/torch/matmul.h"
#include "backend/torch/torch_backend_impl.h"
#include "base/error.h"

namespace san {
namespace {

using Inputs = std::vector<Tensor>;

struct Differentiable {
  const char* name;
  std::vector<Shape> inputs;
  /// Called afresh for every evaluation: weights come from the same leaves each time.
  std::function<Tensor(TorchBackend&, const Inputs&)> run;
};

Param param(const std::string& name, const Shape& shape, float mean = 0) {
  std::mt19937 rng(
      static_cast<std::uint32_t>(name.size() * 977 + static_cast<std::size_t>(shape.elements())));
  std::normal_distribution<float> normal(mean, 0.5f);
  std::vector<float> values(static_cast<std::size_t>(shape.elements()));
  for (float& v : values) v = normal(rng);
  return {name, HostArray::from(shape, std::move(values)), true};
}

LinearWeight linear(TorchBackend& b, const std::string& name, std::int64_t in, std::int64_t out,
                    LinearLayout layout = LinearLayout::kOutIn) {
  const Param bias = param(name + ".bias", {out});
  return b.prepare_linear(param(name, layout == LinearLayout::kOutIn ? Shape{out, in} : Shape{in, out}),
                          &bias, layout);
}

GroupedLinearWeight grouped(TorchBackend& b, const std::string& name, std::int64_t in, std::int64_t out,
                            int groups) {
  const Param bias = param(name + ".bias", {out});
  return b.prepare_grouped_linear(param(name, {out, in}), &bias, groups);
}

NormWeight norm(TorchBackend& b, std::int64_t channels) {
  return b.prepare_layer_norm(param("norm", {channels}, 1), param("norm.bias", {channels}), 1e-5f);
}

Tensor activation(TorchBackend& b, const Inputs& in, Activation kind) {
  return b.activate(in[0], kind);
}

const std::vector<Differentiable>& differentiable_ops() {
  static const std::vector<Differentiable> ops{
      {"add", {{2, 3, 4}, {3, 1}}, [](auto& b, auto& in) { return b.add(in[0], in[1]); }},
      {"mul", {{2, 3, 4}, {1, 4}}, [](auto& b, auto& in) { return b.mul(in[0], in[1]); }},
      {"gelu", {{3, 5}}, [](auto& b, auto& in) { return activation(b, in, Activation::kGelu); }},
      {"quick_gelu", {{3, 5}}, [](auto& b, auto& in) { return activation(b, in, Activation::kQuickGelu); }},
      {"sigmoid", {{3, 5}}, [](auto& b, auto& in) { return activation(b, in, Activation::kSigmoid); }},
      {"exp", {{3, 5}}, [](auto& b, auto& in) { return activation(b, in, Activation::kExp); }},
      {"inverse_norm",
       {{3, 5}},
       [](auto& b, auto& in) {
         return b.activate(b.add(b.mul(in[0], in[0]), b.from_host({1}, std::vector<float>{1})),
                           Activation::kInverseNorm);
       }},
      {"softmax", {{2, 3, 5}}, [](auto& b, auto& in) { return b.softmax(in[0]); }},
      {"matmul", {{2, 1, 3, 4}, {3, 4, 5}}, [](auto& b, auto& in) { return b.matmul(in[0], in[1]); }},
      {"matmul_transposed",
       {{2, 3, 4}, {2, 5, 4}},
       [](auto& b, auto& in) { return b.matmul(in[0], in[1], true); }},
      {"matmul_shared", {{2, 3, 4}, {4, 5}}, [](auto& b, auto& in) { return b.matmul(in[0], in[1]); }},
      {"moves",
       {{2, 3, 4}, {2, 3, 1}},
       [](auto& b, auto& in) {
         const Tensor x = b.concat({in[0], b.broadcast(in[1], {2, 3, 2})}, 2);
         return b.slice(b.reshape(b.permute(x, {1, 0, 2}), {3, 12}), 1, 2, 11);
       }},
      {"resize_bilinear",
       {{2, 12, 2}},
       [](auto& b, auto& in) {
         return b.resize(in[0], {{3, 4}, {5, 3}, Interpolation::kBilinear, 0});
       }},
      {"resize_scaled",
       {{1, 35, 2}},
       [](auto& b, auto& in) {
         return b.resize(in[0], {{5, 7}, {3, 4}, Interpolation::kBilinear, 0.7});
       }},
      {"resize_bicubic",
       {{1, 16, 3}},
       [](auto& b, auto& in) {
         return b.resize(in[0], {{4, 4}, {6, 5}, Interpolation::kBicubic, 0});
       }},
      {"linear",
       {{2, 3, 4}, {2, 3, 5}},
       [](auto& b, auto& in) {
         return b.linear(in[0], linear(b, "w", 4, 5), {Activation::kGelu, in[1]});
       }},
      {"linear_in_out",
       {{2, 3, 4}},
       [](auto& b, auto& in) { return b.linear(in[0], linear(b, "w", 4, 5, LinearLayout::kInOut)); }},
      {"linear_rows",
       {{2, 3, 4}},
       [](auto& b, auto& in) {
         Param w = param("qkv", {9, 4}), bias = param("qkv.bias", {9});
         w.row_begin = bias.row_begin = 3, w.row_end = bias.row_end = 6;
         return b.linear(in[0], b.prepare_linear(w, &bias));
       }},
      {"layer_norm", {{2, 3, 6}}, [](auto& b, auto& in) { return b.layer_norm(in[0], norm(b, 6)); }},
      {"patch_embed",
       {{2, 35, 3}},
       [](auto& b, auto& in) {
         const Param bias = param("patch.bias", {4});
         return b.patch_embed(in[0], {5, 7}, b.prepare_patch_embed(param("patch", {4, 3, 2, 2}), &bias));
       }},
      {"attention",
       {{2, 5, 8}, {2, 7, 8}, {2, 7, 8}},
       [](auto& b, auto& in) {
         return b.attention(in[0], in[1], in[2],
                            {.heads = 2, .bias = {}, .causal = false, .self_key = {}, .self_value = {}});
       }},
      {"attention_causal",
       {{2, 5, 8}, {2, 5, 8}, {2, 5, 8}},
       [](auto& b, auto& in) {
         return b.attention(in[0], in[1], in[2],
                            {.heads = 2, .bias = {}, .causal = true, .self_key = {}, .self_value = {}});
       }},
      {"attention_self_key",
       {{2, 5, 8}, {2, 7, 8}, {2, 7, 8}, {2, 2, 5, 7}, {2, 5, 8}, {2, 5, 8}},
       [](auto& b, auto& in) {
         return b.attention(
             in[0], in[1], in[2],
             {.heads = 2, .bias = in[3], .causal = false, .self_key = in[4], .self_value = in[5]});
       }},
      {"mlp",
       {{2, 3, 4}},
       [](auto& b, auto& in) {
         return b.mlp(in[0], linear(b, "fc1", 4, 6), Activation::kQuickGelu, linear(b, "fc2", 6, 4), in[0]);
       }},
      {"add_layer_norm",
       {{2, 3, 6}, {1, 3, 6}},
       [](auto& b, auto& in) {
         const Normed y = b.add_layer_norm(in[0], in[1], norm(b, 6));
         return b.concat({y.sum, y.normed}, 0);
       }},
      {"l2_normalize", {{2, 3, 6}}, [](auto& b, auto& in) { return b.l2_normalize(in[0]); }},
      // Few queries: through the folded weights. Many: through the map.
      {"attention_bias_folded",
       {{2, 2, 4}, {2, 30, 3}},
       [](auto& b, auto& in) {
         const BiasScaling s{b.prepare_tensor(param("s", {1, 1}), {1}),
                             b.prepare_tensor(param("t", {1}), {1})};
         return b.attention_bias(in[0], in[1], grouped(b, "last", 3, 8, 2), s);
       }},
      {"attention_bias_mapped",
       {{2, 30, 4}, {2, 2, 6}},
       [](auto& b, auto& in) { return b.attention_bias(in[0], in[1], grouped(b, "last", 6, 8, 2), {}); }},
      {"embedding",
       {{1}},
       [](auto& b, auto& in) {
         const TableWeight table = b.prepare_table(param("table", {7, 3}));
         return b.mul(b.embedding(table, b.from_ids({2, 2}, std::vector<std::int32_t>{1, 6, 1, 0})), in[0]);
       }},
  };
  return ops;
}

// A scalar of the output that weighs every element differently.
at::Tensor scalar_of(const at::Tensor& y) {
  const at::Tensor weights = at::arange(1, y.numel() + 1, at::kDouble).mul(0.7).sin().view(y.sizes());
  return (y.to(at::kDouble) * weights).sum();
}

class Gradients : public ::testing::TestWithParam<Differentiable> {};

TEST_P(Gradients, MatchFiniteDifferencesAlongRandomDirections) {
  TorchBackend b({.device = "cpu", .precision = Precision::kF32, .training = true});
  at::manual_seed(7);
  std::vector<at::Tensor> leaves;
  for (const Shape& shape : GetParam().inputs)
    leaves.push_back(at::randn(std::vector<std::int64_t>(shape.begin(), shape.end())).requires_grad_());
  const auto evaluate = [&] {
    Inputs inputs;
    for (std::size_t i = 0; i < GetParam().inputs.size(); ++i)
      inputs.push_back(TorchBackend::from_torch(leaves[i]));
    return scalar_of(b.to_torch(GetParam().run(b, inputs)));
  };
  evaluate().backward();
  for (const std::string& name : b.parameters()->trainable_names()) leaves.push_back((*b.parameters())[name]);

  constexpr double kStep = 2e-3;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    ASSERT_TRUE(leaves[i].grad().defined()) << "leaf " << i;
    for (int repeat = 0; repeat < 3; ++repeat) {
      const at::Tensor direction = at::randn_like(leaves[i].detach());
      at::NoGradGuard guard;
      const at::Tensor original = leaves[i].clone();
      const auto moved = [&](double step) {
        leaves[i].copy_(original + direction * step);
        return evaluate().item().toDouble();
      };
      const double difference = (moved(kStep) - moved(-kStep)) / (2 * kStep);
      leaves[i].copy_(original);
      const double gradient = (leaves[i].grad() * direction).sum().item().toDouble();
      // float32 forward: rounding 1e-7 · |f| / step, truncation step² · f‴.
      EXPECT_NEAR(gradient, difference, 3e-3 * std::max(1.0, std::abs(difference)))
          << "leaf " << i << " direction " << repeat;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Torch, Gradients, ::testing::ValuesIn(differentiable_ops()),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(TorchBackend, FoldedAttentionBiasEqualsItsDefinition) {
  TorchBackend b({});
  at::manual_seed(1);
  const Tensor q = TorchBackend::from_torch(at::randn({2, 5, 8})),
               h = TorchBackend::from_torch(at::randn({2, 90, 6}));
  const GroupedLinearWeight last = grouped(b, "last", 6, 24, 3);
  const at::Tensor folded = b.to_torch(b.attention_bias(q, h, last, {}));
  const Tensor maps = b.linear(h, {last.name, last.in, last.out, last.has_bias, last.data});
  const at::Tensor defined = b.to_torch(
      b.matmul(b.reshape(q, {2, 1, 5, 8}), b.permute(b.reshape(maps, {2, 90, 3, 8}), {0, 2, 1, 3}), true));
  EXPECT_LT((folded - defined).abs().max().item<float>(), 1e-4f);  // two orders of summing 48 products
}

TEST(TorchBackend, RowSlicesOfOneParameterShareItsLeaf) {
  TorchBackend b({.device = "cpu", .precision = Precision::kF32, .training = true});
  Param q = param("in_proj", {6, 4}), k = q;
  q.row_end = 3, k.row_begin = 3, k.row_end = 6;
  const LinearWeight wq = b.prepare_linear(q, nullptr), wk = b.prepare_linear(k, nullptr);
  const Tensor x = TorchBackend::from_torch(at::ones({1, 2, 4}));
  b.to_torch(b.add(b.linear(x, wq), b.linear(x, wk))).sum().backward();
  ASSERT_EQ(b.parameters()->names(), std::vector<std::string>{"in_proj"});
  const at::Tensor grad = (*b.parameters())["in_proj"].grad();
  EXPECT_TRUE(at::allclose(grad, at::full({6, 4}, 2.0)));
}

TEST(TorchBackend, FrozenParametersGetNoGradient) {
  TorchBackend b({.device = "cpu", .precision = Precision::kF32, .training = true});
  Param w = param("w", {3, 4});
  w.trainable = false;
  const Tensor x = TorchBackend::from_torch(at::ones({1, 2, 4}).requires_grad_());
  const at::Tensor y = b.to_torch(b.linear(x, b.prepare_linear(w, nullptr)));
  y.sum().backward();
  EXPECT_FALSE((*b.parameters())["w"].grad().defined());
  EXPECT_TRUE(b.to_torch(x).grad().defined());
  EXPECT_TRUE(b.parameters()->trainable_names().empty());
}

TEST(TorchBackend, UpdatedParametersAreSeenByPreparedWeights) {
  TorchBackend b({.device = "cpu", .precision = Precision::kF32, .training = true});
  const Param p = param("p", {2, 2});
  const Tensor operand = b.prepare_tensor(p, {4});
  {
    at::NoGradGuard guard;
    (*b.parameters())["p"].fill_(3);
  }
  EXPECT_EQ(b.to_host(operand), (std::vector<float>{3, 3, 3, 3}));
  EXPECT_EQ(b.parameters()->load("p").to_f32(), (std::vector<float>{3, 3, 3, 3}));
}

TEST(TorchBackend, CheckFiniteNamesTheOpOfAForwardAndABackwardNaN) {
  TorchBackend b({.device = "cpu", .precision = Precision::kF32, .training = true});
  b.check_finite(true);
  const Backend::Scope scope(b, "blocks.3");
  const Tensor huge = TorchBackend::from_torch(at::full({1, 2, 2}, 200.0).requires_grad_());
  try {
    (void)b.activate(huge, Activation::kExp);
    FAIL() << "exp(200) went through";
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "activate (blocks.3): the result has NaN or infinite values");
  }
  const at::Tensor y = b.to_torch(b.mul(huge, huge));
  try {
    (y * std::numeric_limits<float>::infinity()).sum().backward();
    FAIL() << "an infinite gradient went through";
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "mul (blocks.3): the gradient of the result has NaN or infinite values");
  }
}

TEST(TorchBackend, RefusesWhatIsNotThere) {
  EXPECT_THROW(TorchBackend({.device = "abacus", .precision = Precision::kF32, .training = false}), Error);
  EXPECT_THROW(TorchBackend({.device = "cpu", .precision = Precision::kF16, .training = false}), Error);
  if (torch_has_cuda()) return;
  EXPECT_THROW(TorchBackend({.device = "cuda", .precision = Precision::kF32, .training = false}), Error);
}

struct AttentionCase {
  const char* name;
  std::int64_t batch, heads, width, queries, keys;
  bool causal;
};

class FusedAttention : public ::testing::TestWithParam<AttentionCase> {};

// The definition, in double.
at::Tensor defined_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                             std::int64_t heads, bool causal) {
  const auto split = [&](const at::Tensor& x) {
    return x.to(at::kDouble).reshape({x.size(0), x.size(1), heads, -1}).transpose(1, 2);
  };
  at::Tensor scores =
      at::matmul(split(q), split(k).transpose(2, 3)) / std::sqrt(static_cast<double>(q.size(2) / heads));
  if (causal) scores = scores.masked_fill(at::ones({q.size(1), k.size(1)}, at::kBool).triu(1), -INFINITY);
  return at::matmul(at::softmax(scores, -1), split(v)).transpose(1, 2).reshape(q.sizes());
}

TEST_P(FusedAttention, EqualsItsDefinitionInBothDirections) {
  const AttentionCase& c = GetParam();
  at::manual_seed(5);
  const std::int64_t channels = c.heads * c.width;
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    if (type == at::kBFloat16 && !cpu_multiplies_bf16()) continue;
    // Strided, as slices of one projection are.
    const at::Tensor all = at::randn({c.batch, c.keys, 2 * channels}).to(type);
    const at::Tensor q = at::randn({c.batch, c.queries, channels}).mul(2).to(type).requires_grad_();
    const at::Tensor k = all.narrow(2, 0, channels).detach().requires_grad_();
    const at::Tensor v = all.narrow(2, channels, channels).detach().requires_grad_();
    ASSERT_TRUE(has_fused_cpu_attention(q, k, v));
    const at::Tensor weights = at::randn(q.sizes());
    std::vector<at::Tensor> exact, fused;
    for (auto* results : {&exact, &fused}) {
      for (const at::Tensor& x : {q, k, v}) x.mutable_grad() = at::Tensor();
      const at::Tensor y = results == &exact ? defined_attention(q, k, v, c.heads, c.causal)
                                             : fused_cpu_attention(q, k, v, c.heads, c.causal);
      (y * weights).sum().backward();
      *results = {y.detach(), q.grad(), k.grad(), v.grad()};
    }
    // Rounding of float32; of bfloat16 numbers (4e-3 each) that sums average.
    const double tolerance = type == at::kFloat ? 3e-6 : 2e-2;
    for (std::size_t i = 0; i < exact.size(); ++i) {
      const double rms = exact[i].to(at::kDouble).pow(2).mean().sqrt().item<double>();
      const double worst =
          (fused[i].to(at::kDouble) - exact[i].to(at::kDouble)).pow(2).mean().sqrt().item<double>();
      EXPECT_LT(worst, tolerance * rms) << (type == at::kFloat ? "float32" : "bfloat16") << " value " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Torch, FusedAttention,
                         ::testing::Values(AttentionCase{"adapter", 2, 3, 32, 1104, 1104, false},
                                           AttentionCase{"rest", 1, 2, 40, 333, 337, false},
                                           AttentionCase{"few_keys", 3, 2, 8, 50, 5, false},
                                           AttentionCase{"one_query", 2, 4, 16, 1, 77, false},
                                           AttentionCase{"text", 2, 4, 64, 77, 77, true},
                                           AttentionCase{"long_text", 1, 1, 16, 700, 700, true}),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(FusedAttentionLimits, ResultDoesNotDependOnThreadsAndNaNStays) {
  at::manual_seed(6);
  const at::Tensor q = at::randn({2, 300, 64}), k = at::randn({2, 310, 64}), v = at::randn({2, 310, 64});
  prepare_cpu_runtime(1);
  const at::Tensor one = fused_cpu_attention(q, k, v, 4, false);
  prepare_cpu_runtime(3);
  EXPECT_TRUE(at::equal(one, fused_cpu_attention(q, k, v, 4, false)));
  prepare_cpu_runtime(0);
  for (const float bad : {NAN, INFINITY}) {
    at::Tensor broken = q.clone();
    broken[1][299][63] = bad;
    EXPECT_FALSE(fused_cpu_attention(broken, k, v, 4, false)[1][299][63].isfinite().item<bool>());
  }
}

TEST(Matmul, AgreesWithLibtorchOnStridedOperands) {
  at::manual_seed(3);
  const at::Tensor a = at::randn({2, 3, 7, 9}).transpose(1, 2), b = at::randn({2, 7, 5, 9}).transpose(-1, -2);
  EXPECT_TRUE(at::allclose(matmul_fast(a, b), at::matmul(a, b), 1e-5, 1e-5));
  if (cpu_multiplies_bf16()) {
    const at::Tensor narrow = matmul_fast(a.to(at::kBFloat16), b.to(at::kBFloat16));
    EXPECT_EQ(narrow.scalar_type(), at::kBFloat16);
    EXPECT_TRUE(at::allclose(narrow.to(at::kFloat), at::matmul(a, b), 0.03, 0.03));  // 8 bits of mantissa
  }
  EXPECT_EQ(matmul_fast(at::randn({0, 3}), at::randn({3, 4})).sizes(), (at::IntArrayRef{0, 4}));
}

}  // namespace
}  // namespace san
