#include "nn/transformer_block.h"

#include <utility>

namespace san {

TransformerBlock::TransformerBlock(const ParamScope& s, const BlockShape& sh, BlockStyle style,
                                   bool split_queries)
    : shape(sh) {
  const bool clip = style == BlockStyle::kClip;
  const float eps = clip ? 1e-5f : 1e-6f;
  ln_1 = s.at(clip ? "ln_1" : "norm1").layer_norm(sh.width, eps);
  if (split_queries) {
    query = s.at("attn").in_proj(sh.width, 0, sh.width);
    key_value = s.at("attn").in_proj(sh.width, sh.width, 3 * sh.width);
  } else {
    qkv = clip ? s.at("attn").in_proj(sh.width, 0, 3 * sh.width)
               : s.at("attn.qkv").linear(sh.width, 3 * sh.width);
  }
  out = s.at(clip ? "attn.out_proj" : "attn.proj").linear(sh.width, sh.width);
  ln_2 = s.at(clip ? "ln_2" : "norm2").layer_norm(sh.width, eps);
  fc1 = s.at(clip ? "mlp.c_fc" : "mlp.fc1").linear(sh.width, sh.mlp_width);
  fc2 = s.at(clip ? "mlp.c_proj" : "mlp.fc2").linear(sh.mlp_width, sh.width);
}

Tensor TransformerBlock::project(Backend& b, const Tensor& normed) const {
  if (qkv.out > 0) return b.linear(normed, qkv);
  return b.concat({b.linear(normed, query), b.linear(normed, key_value)}, -1);
}

Tensor TransformerBlock::forward(Backend& b, Normed x, bool causal) const {
  AttentionOptions options;
  options.heads = shape.heads;
  options.causal = causal;
  const std::int64_t d = shape.width;
  Tensor packed = project(b, x.normed);  // [B, T, 3d]
  x.normed = {};
  Tensor attended = b.attention(b.slice(packed, -1, 0, d), b.slice(packed, -1, d, 2 * d),
                                b.slice(packed, -1, 2 * d, 3 * d), options);
  packed = {};
  return finish(b, std::move(attended), x.sum);
}

Tensor TransformerBlock::forward(Backend& b, const Tensor& x, const TokenTree& tree) const {
  const std::int64_t d = shape.width;
  const Tensor packed = project(b, b.layer_norm(x, ln_1));  // [1, N, 3d]
  return finish(b,
                b.tree_attention(b.slice(packed, -1, 0, d), b.slice(packed, -1, d, 2 * d),
                                 b.slice(packed, -1, 2 * d, 3 * d), shape.heads, tree),
                x);
}

Tensor TransformerBlock::forward(Backend& b, const Tensor& x, const TokenTree& tree, const Tensor& asked,
                                 std::span<const std::int32_t> asking) const {
  const std::int64_t d = shape.width;
  const Tensor packed = b.linear(b.layer_norm(x, ln_1), key_value);  // [1, N, 2d]
  const Tensor q = b.linear(b.layer_norm(asked, ln_1), query);
  return finish(b,
                b.tree_attention(q, b.slice(packed, -1, 0, d), b.slice(packed, -1, d, 2 * d), shape.heads,
                                 tree, asking),
                asked);
}

Tensor TransformerBlock::finish(Backend& b, Tensor attended, const Tensor& residual) const {
  const Tensor x = b.linear(attended, out, {Activation::kNone, residual});
  attended = {};
  return b.mlp(b.layer_norm(x, ln_2), fc1, shape.activation, fc2, x);
}

}  // namespace san
