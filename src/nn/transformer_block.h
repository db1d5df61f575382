#pragma once
#include "nn/param_scope.h"

namespace san {

/// Names and constants in which two families of transformers differ.
enum class BlockStyle : std::uint8_t {
  kClip,  ///< ln_1, attn.in_proj_weight, attn.out_proj, mlp.c_fc, mlp.c_proj; eps 1e-5
  kTimm   ///< norm1, attn.qkv, attn.proj, mlp.fc1, mlp.fc2; eps 1e-6
};

struct BlockShape {
  std::int64_t width = 0;
  int heads = 0;
  std::int64_t mlp_width = 0;
  Activation activation = Activation::kGelu;
};

/// A pre-norm transformer block: x += attn(ln_1 x); x += mlp(ln_2 x).
struct TransformerBlock {
  /// `split_queries` (kClip only) prepares the query rows of the fused projection apart from the keys and
  /// values, for a last block of whose tokens only some ask.
  TransformerBlock(const ParamScope& scope, const BlockShape& shape, BlockStyle style,
                   bool split_queries = false);

  /// Self-attention over all tokens: [B, T, d] → [B, T, d].
  Tensor forward(Backend& b, const Tensor& x, bool causal = false) const {
    return forward(b, Normed{x, b.layer_norm(x, ln_1)}, causal);
  }
  /// The same when ln_1 of the input has been computed with it.
  Tensor forward(Backend& b, Normed x, bool causal = false) const;
  /// Self-attention along a tree of tokens: [1, N, d] → [1, N, d].
  Tensor forward(Backend& b, const Tensor& x, const TokenTree& tree) const;
  /// The same for the tokens `asking` alone, whose values are `asked` [1, A, d] → [1, A, d]. Needs split
  /// queries.
  Tensor forward(Backend& b, const Tensor& x, const TokenTree& tree, const Tensor& asked,
                 std::span<const std::int32_t> asking) const;
  /// Queries, keys and values of every token: [B, T, 3d].
  Tensor project(Backend& b, const Tensor& normed) const;
  /// What follows attention: the output projection with its residual, then the MLP with its own. Memory of
  /// `attended` is free for the MLP where the caller moves it in.
  Tensor finish(Backend& b, Tensor attended, const Tensor& residual) const;

  BlockShape shape;
  NormWeight ln_1;
  LinearWeight qkv;               ///< empty when split
  LinearWeight query, key_value;  ///< empty unless split
  LinearWeight out;
  NormWeight ln_2;
  LinearWeight fc1, fc2;
};

}  // namespace san
