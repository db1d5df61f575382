// The definitions of the composites in plain ops: the fallback, the gradient path and the oracle of every
// fused kernel.
#include <cmath>

#include "backend/backend.h"

namespace san {
namespace {

Tensor scalar(Backend& b, float value) {
  return b.from_host({1}, std::span(&value, 1));
}

// [B, T, d] → [B, heads, T, d / heads]
Tensor split_heads(Backend& b, const Tensor& x, int heads) {
  return b.permute(b.reshape(x, {x[0], x[1], heads, x[2] / heads}), {0, 2, 1, 3});
}

// Row sums of a product: [..., n] · [..., n] → [..., 1]
Tensor row_dot(Backend& b, const Tensor& x, const Tensor& y) {
  const std::vector<float> ones(static_cast<std::size_t>(x[-1]), 1.0f);
  return b.matmul(b.mul(x, y), b.from_host({x[-1], 1}, ones));
}

Tensor causal_mask(Backend& b, std::int64_t tokens) {
  std::vector<float> mask(static_cast<std::size_t>(tokens * tokens), 0.0f);
  for (std::int64_t q = 0; q < tokens; ++q)
    for (std::int64_t k = q + 1; k < tokens; ++k) mask[static_cast<std::size_t>(q * tokens + k)] = -INFINITY;
  return b.from_host({1, 1, tokens, tokens}, mask);
}

}  // namespace

Tensor Backend::do_attention(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& o) {
  const std::int64_t keys = k[1];
  const std::int64_t head_width = q[2] / o.heads;
  const Tensor scale = scalar(*this, 1.0f / std::sqrt(static_cast<float>(head_width)));
  const Tensor qh = mul(split_heads(*this, q, o.heads), scale);      // [B, h, Tq, d/h]
  Tensor scores = matmul(qh, split_heads(*this, k, o.heads), true);  // [B, h, Tq, Tk]
  if (o.bias) scores = add(scores, o.bias);
  if (o.causal) scores = add(scores, causal_mask(*this, keys));
  if (o.self_key) scores = concat({scores, row_dot(*this, qh, split_heads(*this, o.self_key, o.heads))}, -1);
  const Tensor p = softmax(scores);
  Tensor y = matmul(slice(p, -1, 0, keys), split_heads(*this, v, o.heads));  // [B, h, Tq, d/h]
  if (o.self_key) y = add(y, mul(slice(p, -1, keys, keys + 1), split_heads(*this, o.self_value, o.heads)));
  return reshape(permute(y, {0, 2, 1, 3}), q.shape());
}

Tensor Backend::do_tree_attention(const Tensor& q, const Tensor& k, const Tensor& v, int heads,
                                  const TokenTree& tree, std::span<const std::int32_t> asking) {
  std::vector<float> mask(static_cast<std::size_t>(q[1] * k[1]), -INFINITY);
  for (std::int64_t row = 0; row < q[1]; ++row) {
    auto seen = asking.empty() ? static_cast<std::int32_t>(row) : asking[static_cast<std::size_t>(row)];
    for (; seen >= 0; seen = tree.parents[static_cast<std::size_t>(seen)])
      mask[static_cast<std::size_t>(row * k[1] + seen)] = 0;
  }
  return attention(q, k, v, {heads, from_host({1, 1, q[1], k[1]}, mask), false, {}, {}});
}

Tensor Backend::do_mlp(const Tensor& x, const LinearWeight& fc1, Activation activation,
                       const LinearWeight& fc2, const Tensor& residual) {
  return linear(linear(x, fc1, {activation, {}}), fc2, {Activation::kNone, residual});
}

Normed Backend::do_add_layer_norm(const Tensor& x, const Tensor& y, const NormWeight& w) {
  const Tensor sum = add(x, y);
  return {sum, layer_norm(sum, w)};
}

Tensor Backend::do_l2_normalize(const Tensor& x) {
  return mul(x, activate(row_dot(*this, x, x), Activation::kInverseNorm));
}

Tensor Backend::do_filled(const Shape& shape, const std::function<void(std::span<float>)>& fill) {
  std::vector<float> values(static_cast<std::size_t>(shape.elements()));
  fill(values);
  return do_from_host(shape, values);
}

std::shared_ptr<Storage> Backend::do_prepare_grouped_linear(const Param& weight, const Param* bias, int) {
  return do_prepare_linear(weight, bias, LinearLayout::kOutIn);
}

Tensor Backend::do_attention_bias(const Tensor& queries, const Tensor& hidden,
                                  const GroupedLinearWeight& last, const BiasScaling& scaling) {
  const std::int64_t batch = queries[0], q = queries[1], e = queries[2], t = hidden[1], groups = last.groups;
  const Tensor maps = linear(hidden, {last.name, last.in, last.out, last.has_bias, last.data});
  const Tensor keys = permute(reshape(maps, {batch, t, groups, e}), {0, 2, 1, 3});  // [B, groups, T, E]
  Tensor bias = matmul(reshape(queries, {batch, 1, q, e}), keys, true);             // [B, groups, Q, T]
  if (scaling.scale) bias = add(mul(bias, scaling.scale), scaling.shift);
  return bias;
}

Tensor Backend::do_pooled_attention_bias(const Tensor& queries, const Tensor& hidden,
                                         const GroupedLinearWeight& last, const BiasScaling& scaling,
                                         Grid from, Grid to) {
  return adaptive_max_pool(attention_bias(queries, hidden, last, scaling), from, to);
}

}  // namespace san
