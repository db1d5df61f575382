#pragma once
#include <span>

#include "backend/native/attention.h"

namespace san::native {

/// Attention in which a token sees itself and those it follows (Backend::tree_attention).
struct TreeAttention {
  std::int64_t heads = 0, width = 0;
  Heads q, k, v;                          ///< one item: no batch stride
  std::span<const std::int32_t> parents;  ///< of every key; −1: none
  std::span<const std::int32_t> asking;   ///< whose queries q holds; empty: of all
  float* out = nullptr;                   ///< dense [queries, heads · width]
};

/// Sums run in the order of fused_attention() with causal keys: a text gets the same bits alone and in a
/// tree, up to the 128 keys that fused_attention() takes at once.
void fused_tree_attention(const TreeAttention& a, ThreadPool& pool);

}  // namespace san::native
