#pragma once
#include <optional>

#include "backend/native/attention_integers.h"
#include "backend/native/bf16.h"
#include "backend/native/buffer.h"
#include "base/thread_pool.h"

namespace san::native {

/// What bytes may change, rms, before a head is multiplied in int16.
struct MostRounding {
  float scores = 0.1f;   ///< in powers of two, of the query that is worst off: 7 % of an exponential
  float values = 0.05f;  ///< relative to their spread, over all channels
};

/// Values of all heads side by side in each row; strides in floats.
struct Heads {
  const float* data = nullptr;
  std::int64_t batch_stride = 0, row_stride = 0;
};

/// Where the keys and values of one head lie, as they came or packed; strides in floats.
struct HeadRows {
  const float *keys = nullptr, *values = nullptr;
  std::int64_t key_stride = 0, value_stride = 0;
  const float* units = nullptr;  ///< what integers are worth, as who attends wants it
};

struct Attention {
  std::int64_t batch = 0, heads = 0, width = 0, queries = 0, keys = 0;
  Heads q, k, v;
  Heads self_key, self_value;  ///< data null: none
  const float* bias = nullptr;
  std::int64_t bias_batch = 0, bias_head = 0, bias_query = 0, bias_key = 0;  ///< strides, 0 where shared
  bool causal = false;
  /// Queries, keys, values and exponentials are rounded to bfloat16 and multiplied so; sums are float32.
  std::optional<Bf16Form> bf16;
  /// Instead, and only without bias, keys of their own and causality: they are integers, multiplied so.
  std::optional<IntegerForm> integers;
  MostRounding most_rounding;
  float* out = nullptr;  ///< dense [batch, queries, heads · width]
};

/// softmax(q kᵀ / √width + bias) v per head without the matrix of scores: blocks of queries (one per vector
/// lane, so that any width fills the vectors) meet blocks of keys, rescaled as larger scores turn up
/// (Milakov and Gimelshein, arXiv 1805.02867; Dao et al., arXiv 2205.14135).
void fused_attention(const Attention& a, BufferPool& buffers, ThreadPool& pool);

/// Blocks of queries of one head, each on one thread.
std::int64_t query_blocks(const Attention& a);

}  // namespace san::native
