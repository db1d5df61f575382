// Composites; the reference runs their definitions in plain ops.
#include <algorithm>

#include "backend/backend_suite/cases.h"

namespace san::suite {
namespace {

struct Attention {
  std::int64_t batch, q, k;
  int heads;
  std::int64_t width;
};

std::string name(const Attention& a) {
  return std::to_string(a.batch) + "x" + std::to_string(a.q) + "x" + std::to_string(a.k) + "_h" +
         std::to_string(a.heads) + "w" + std::to_string(a.width);
}

Case attention(const Attention& a, const std::string& label,
               std::function<void(Inputs&, AttentionOptions&)> extend) {
  return {"attention", name(a) + label, [a, extend = std::move(extend)](Inputs& in) {
            AttentionOptions options{a.heads, {}, false, {}, {}};
            extend(in, options);
            const std::int64_t d = a.heads * a.width;
            const Tensor q = in.normal({a.batch, a.q, d}, 1.5f), k = in.normal({a.batch, a.k, d}, 1.5f);
            return std::vector{in.b.attention(q, k, in.normal({a.batch, a.k, d}), options)};
          }};
}

void add_attention_cases(std::vector<Case>& cases) {
  const std::vector<Attention> sizes = {
      {1, 1, 1, 1, 1},     {1, 3, 5, 1, 4},   {2, 17, 17, 3, 40}, {1, 100, 401, 4, 64}, {2, 33, 130, 2, 16},
      {1, 65, 700, 2, 40}, {1, 9, 31, 2, 80}, {1, 50, 47, 1, 33}, {1, 20, 1701, 1, 64}, {1, 5, 40, 2, 128}};
  for (const Attention& a : sizes) {
    cases.push_back(attention(a, "", [](Inputs&, AttentionOptions&) {}));
    for (const bool per_item : {false, true})
      for (const bool per_head : {false, true})
        cases.push_back(
            attention(a, std::string("_bias") + (per_item ? "_per_item" : "") + (per_head ? "_per_head" : ""),
                      [=](Inputs& in, AttentionOptions& o) {
                        o.bias = in.normal({per_item ? a.batch : 1, per_head ? a.heads : 1, a.q, a.k}, 2);
                      }));
    const auto self = [a](Inputs& in, AttentionOptions& o) {
      o.self_key = in.normal({a.batch, a.q, a.heads * a.width}, 1.5f);
      o.self_value = in.normal({a.batch, a.q, a.heads * a.width});
    };
    cases.push_back(attention(a, "_self", self));
    cases.push_back(attention(a, "_self_bias", [=](Inputs& in, AttentionOptions& o) {
      self(in, o);
      o.bias = in.normal({a.batch, a.heads, a.q, a.k}, 3);
    }));
  }
  for (const Attention& a :
       {Attention{1, 1, 1, 1, 8}, Attention{3, 77, 77, 2, 64}, Attention{2, 19, 19, 3, 40}}) {
    cases.push_back(attention(a, "_causal", [](Inputs&, AttentionOptions& o) { o.causal = true; }));
    cases.push_back(attention(a, "_causal_bias_self", [a](Inputs& in, AttentionOptions& o) {
      o.causal = true;
      o.bias = in.normal({1, a.heads, a.q, a.k});
      o.self_key = in.normal({a.batch, a.q, a.heads * a.width});
      o.self_value = in.normal({a.batch, a.q, a.heads * a.width});
    }));
  }
  cases.push_back({"attention", "masked_by_minus_100_and_far_scores", [](Inputs& in) {
                     std::vector<float> mask(20 * 40, 0.0f);
                     for (std::size_t i = 0; i < mask.size(); i += 3) mask[i] = -100;
                     AttentionOptions options{2, in.b.from_host({1, 1, 20, 40}, mask), false, {}, {}};
                     return std::vector{in.b.attention(in.normal({1, 20, 32}, 5), in.normal({1, 40, 32}, 5),
                                                       in.normal({1, 40, 32}), options)};
                   }});
  cases.push_back({"attention", "scores_that_grow_from_key_to_key", [](Inputs& in) {
                     // By more than float's exponents reach, for some queries alone.
                     std::vector<float> growth(20 * 500);
                     for (std::size_t i = 0; i < growth.size(); ++i) {
                       const std::size_t query = i / 500, hundred = i % 500 / 100;
                       growth[i] = 0.18f * static_cast<float>(query * hundred);
                       growth[i] *= growth[i];
                     }
                     AttentionOptions options{2, in.b.from_host({1, 1, 20, 500}, growth), false, {}, {}};
                     return std::vector{in.b.attention(in.normal({1, 20, 32}), in.normal({1, 500, 32}),
                                                       in.normal({1, 500, 32}), options)};
                   }});
  cases.push_back({"attention", "on_slices_of_a_fused_product", [](Inputs& in) {
                     const Tensor qkv = in.normal({2, 21, 3 * 48});
                     const Tensor q = in.b.slice(in.b.slice(qkv, -1, 0, 48), 1, 2, 9);
                     return std::vector{in.b.attention(q, in.b.slice(qkv, -1, 48, 96),
                                                       in.b.slice(qkv, -1, 96, 144), {3, {}, false, {}, {}})};
                   }});
}

TokenTree random_tree(std::int32_t tokens, std::int32_t reach, std::uint32_t seed) {
  std::mt19937 rng(seed);
  TokenTree tree;
  for (std::int32_t i = 0; i < tokens; ++i)
    tree.parents.push_back(i - 1 - static_cast<std::int32_t>(rng() % static_cast<std::uint32_t>(reach)));
  for (std::int32_t& parent : tree.parents) parent = std::max(parent, -1);
  return tree;
}

TokenTree chain(std::int32_t tokens) {
  TokenTree tree;
  for (std::int32_t i = 0; i < tokens; ++i) tree.parents.push_back(i - 1);
  return tree;
}

void add_tree_attention_cases(std::vector<Case>& cases) {
  struct Tree {
    const char* label;
    TokenTree tree;
    int heads;
    std::int64_t width;
  };
  const std::vector<Tree> trees = {{"one_token", {{-1}}, 1, 1},
                                   {"strangers", {{-1, -1, -1, -1, -1}}, 2, 40},
                                   {"chain_of_77", chain(77), 8, 64},
                                   {"chain_of_200", chain(200), 2, 33},
                                   {"star", {{-1, 0, 0, 0, 0, 0, 0}}, 3, 80},
                                   {"two_roots", {{-1, 0, 1, -1, 3, 1, 5, 3, 7}}, 2, 16},
                                   {"siblings_first", {{-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 6, 10}}, 1, 64},
                                   {"bushy", random_tree(150, 4, 1), 4, 20},
                                   {"scattered", random_tree(230, 40, 2), 2, 128}};
  for (const Tree& t : trees)
    for (const bool some : {false, true})
      cases.push_back({"tree_attention", std::string(t.label) + (some ? "_some_ask" : ""), [=](Inputs& in) {
                         const auto tokens = static_cast<std::int64_t>(t.tree.parents.size());
                         std::vector<std::int32_t> asking;  // in no order, one twice
                         for (std::int64_t i = 0; some && i < tokens; i += 2)
                           asking.push_back(static_cast<std::int32_t>((i * 7 + 3) % tokens));
                         if (some) asking.push_back(asking.front());
                         const std::int64_t d = t.heads * t.width;
                         const Tensor q = in.normal(
                             {1, some ? static_cast<std::int64_t>(asking.size()) : tokens, d}, 1.5f);
                         const Tensor k = in.normal({1, tokens, d}, 1.5f), v = in.normal({1, tokens, d});
                         return std::vector{in.b.tree_attention(q, k, v, t.heads, t.tree, asking)};
                       }});
}

void add_mlp_cases(std::vector<Case>& cases) {
  for (const std::int64_t rows : {1, 100, 401})
    for (const Activation kind : {Activation::kRelu, Activation::kGelu, Activation::kQuickGelu})
      for (const bool residual : {false, true})
        cases.push_back({"mlp",
                         std::to_string(rows) + "_kind" + std::to_string(static_cast<int>(kind)) +
                             (residual ? "_residual" : ""),
                         [=](Inputs& in) {
                           const LinearWeight fc1 = in.linear(60, 240), fc2 = in.linear(240, 60);
                           const Tensor x = in.normal({2, rows, 60});
                           return std::vector{
                               in.b.mlp(x, fc1, kind, fc2, residual ? in.normal({2, rows, 60}) : Tensor())};
                         }});
  cases.push_back({"mlp", "odd_without_bias", [](Inputs& in) {
                     const LinearWeight fc1 = in.linear(13, 29, false), fc2 = in.linear(29, 7, false);
                     return std::vector{in.b.mlp(in.normal({3, 5, 13}), fc1, Activation::kGelu, fc2)};
                   }});
}

}  // namespace

void add_composite_cases(std::vector<Case>& cases) {
  add_attention_cases(cases);
  add_tree_attention_cases(cases);
  add_mlp_cases(cases);
  for (const std::int64_t channels : {16, 33, 240, 768})
    for (const Shape& y :
         {Shape{2, 9, channels}, Shape{1, 9, channels}, Shape{2, 1, channels}, Shape{channels}})
      cases.push_back({"add_layer_norm", y.str(), [=](Inputs& in) {
                         const NormWeight w = in.norm(channels, 1e-6f);
                         const Normed n = in.b.add_layer_norm(in.normal({2, 9, channels}), in.normal(y), w);
                         return std::vector{n.sum, n.normed};
                       }});
  for (const std::int64_t channels : {1, 17, 512})
    cases.push_back({"l2_normalize", std::to_string(channels), [=](Inputs& in) {
                       const Tensor x = in.normal({2, 7, channels});
                       const Tensor zeros = in.b.mul(x, in.scalar(0.0f));
                       return std::vector{in.b.l2_normalize(x), in.b.l2_normalize(zeros)};
                     }});

  struct Bias {
    std::int64_t batch, q, t, m, e;
    int groups;
    bool bias, scaling;
  };
  const std::vector<Bias> biases = {{1, 100, 130, 64, 32, 4, true, true},
                                    {2, 7, 33, 20, 12, 3, false, true},
                                    {2, 5, 16, 16, 16, 1, true, false},
                                    {1, 1, 1, 1, 1, 1, true, true},
                                    {1, 100, 400, 256, 256, 2, true, true}};
  for (const Bias& a : biases)
    cases.push_back({"attention_bias",
                     std::to_string(a.batch) + "x" + std::to_string(a.q) + "x" + std::to_string(a.t) + "_g" +
                         std::to_string(a.groups) + (a.bias ? "_bias" : "") + (a.scaling ? "_scaling" : ""),
                     [a](Inputs& in) {
                       const GroupedLinearWeight last = in.grouped(a.m, a.groups * a.e, a.groups, a.bias);
                       BiasScaling scaling;
                       if (a.scaling) scaling = {in.normal({1}), in.normal({1})};
                       return std::vector{in.b.attention_bias(in.normal({a.batch, a.q, a.e}),
                                                              in.normal({a.batch, a.t, a.m}), last, scaling)};
                     }});

  struct Pooled {
    std::int64_t batch, q, m, e;
    int groups;
    Grid from, to;
  };
  const std::vector<Pooled> pooled = {{1, 100, 64, 32, 4, {10, 13}, {5, 7}},
                                      {2, 7, 20, 12, 3, {3, 11}, {3, 11}},
                                      {2, 5, 16, 16, 1, {4, 4}, {6, 1}},
                                      {1, 100, 32, 16, 5, {40, 40}, {20, 20}}};
  for (const Pooled& a : pooled)
    cases.push_back({"pooled_attention_bias",
                     std::to_string(a.batch) + "x" + std::to_string(a.q) + "_g" + std::to_string(a.groups) +
                         "_" + std::to_string(a.from.height) + "x" + std::to_string(a.from.width) + "_" +
                         std::to_string(a.to.height) + "x" + std::to_string(a.to.width),
                     [a](Inputs& in) {
                       const GroupedLinearWeight last = in.grouped(a.m, a.groups * a.e, a.groups, true);
                       return std::vector{in.b.pooled_attention_bias(
                           in.normal({a.batch, a.q, a.e}), in.normal({a.batch, a.from.tokens(), a.m}), last,
                           {in.normal({1}), in.normal({1})}, a.from, a.to)};
                     }});
}

}  // namespace san::suite
