// A block of queries of one head, one query per column, as every attention takes it; included once per
// target.
#if defined(SAN_NATIVE_ATTENTION_BLOCK_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef SAN_NATIVE_ATTENTION_BLOCK_INL
#undef SAN_NATIVE_ATTENTION_BLOCK_INL
#else
#define SAN_NATIVE_ATTENTION_BLOCK_INL
#endif

#include <algorithm>
#include <cmath>

#include "backend/native/attention.h"
#include "backend/native/tile-inl.h"
#include "backend/native/transpose-inl.h"

HWY_BEFORE_NAMESPACE();
namespace san::native::HWY_NAMESPACE {

/// Below every score; −∞ would make differences of two of them undefined.
constexpr float kLowest = -1e30f;
constexpr float kLog2e = 1.44269504f;

/// Every array is [rows][stride] with a query per column.
struct QueryBlock {
  std::int64_t begin, count, vectors, stride;
  float *q, *sums, *scores, *top, *total;
};

/// Blocks of a vector more or less, as many as fit into tiles; arrays are left to the caller.
inline QueryBlock query_block(const Attention& a, std::int64_t block) {
  const auto n = static_cast<std::int64_t>(lanes());
  QueryBlock b{};
  const std::int64_t all_vectors = (a.queries + n - 1) / n;
  const std::int64_t blocks = (all_vectors + kTileVectors - 1) / kTileVectors;
  b.begin = block * all_vectors / blocks * n;
  b.count = std::min((block + 1) * all_vectors / blocks * n, a.queries) - b.begin;
  b.vectors = (b.count + n - 1) / n;
  b.stride = b.vectors * n;
  return b;
}

// Columns beyond the last query are zero.
inline void transpose_in(const float* from, std::int64_t row_stride, std::int64_t width, float scale,
                         const QueryBlock& b, float* to) {
  for (std::int64_t d = 0; b.count < b.stride && d < width; ++d)
    std::fill(to + d * b.stride + b.count, to + (d + 1) * b.stride, 0.0f);
  transpose<Put::kScaled>(from, row_stride, b.count, width, scale, to, b.stride);
}

/// The block's first row of one head.
inline const float* block_rows(const Attention& a, const Heads& h, const QueryBlock& b, std::int64_t batch,
                               std::int64_t head) {
  return h.data + batch * h.batch_stride + b.begin * h.row_stride + head * a.width;
}

/// Scores are in units of log 2, so that the exponential is a power of two.
inline float score_scale(std::int64_t width) {
  return kLog2e / std::sqrt(static_cast<float>(width));
}

/// Queries into b.q, scaled.
inline void load_queries(const Attention& a, const QueryBlock& b, std::int64_t batch, std::int64_t head) {
  transpose_in(block_rows(a, a.q, b, batch, head), a.q.row_stride, a.width, score_scale(a.width), b, b.q);
}

/// Sums into rows of the answer: divided by b.total, times steps[r] (null: 1), plus starts[r] (null: 0).
inline void finish_block(const Attention& a, const QueryBlock& b, const float* steps, const float* starts,
                         std::int64_t batch, std::int64_t head) {
  const F d;
  const auto n = static_cast<std::int64_t>(lanes());
  for (std::int64_t i = 0; i < b.stride; i += n) {
    const V factor = hn::Div(hn::Set(d, 1.0f), hn::LoadU(d, b.total + i));
    for (std::int64_t r = 0; r < a.width; ++r) {
      float* sum = b.sums + r * b.stride + i;
      const V scale = steps ? hn::Mul(factor, hn::Set(d, steps[r])) : factor;
      const V start = starts ? hn::Set(d, starts[r]) : hn::Zero(d);
      hn::StoreU(hn::MulAdd(hn::LoadU(d, sum), scale, start), d, sum);
    }
  }
  const std::int64_t channels = a.heads * a.width;
  float* out = a.out + (batch * a.queries + b.begin) * channels + head * a.width;
  transpose<Put::kScaled>(b.sums, b.stride, a.width, b.count, 1, out, channels);
}

}  // namespace san::native::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
