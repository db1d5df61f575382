#include "backend/native/attention.h"

#include <algorithm>
#include <cmath>

#include "backend/native/hwy_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/native/attention.cpp"
#include <hwy/foreach_target.h>
// foreach_target must come before:
#include <hwy/highway.h>

#include "backend/native/tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace san::native::HWY_NAMESPACE {

/// Keys per block: their scores for one block of queries stay in the first-level cache.
constexpr std::int64_t kKeyBlock = 128;
/// Below every score; −∞ would make differences of two of them undefined.
constexpr float kLowest = -1e30f;
constexpr float kLog2e = 1.44269504f;

std::int64_t query_block_impl() {
  return static_cast<std::int64_t>(lanes()) * kTileVectors;
}

/// One block of queries of one head; every array is [rows][stride] with a query per column.
struct QueryBlock {
  std::int64_t begin, count, vectors, stride;
  float *q, *sums, *scores, *top, *total;
};

/// to[c, r] (+)= scale · from[r, c], by squares of four where vectors have that many lanes.
template <bool add>
void transpose(const float* from, std::int64_t from_stride, std::int64_t rows, std::int64_t columns,
               float scale, float* to, std::int64_t to_stride) {
  [[maybe_unused]] const hn::CappedTag<float, 4> d4;
  std::int64_t whole_rows = 0, whole_columns = 0;
#if HWY_TARGET != HWY_SCALAR
  whole_rows = rows / 4 * 4, whole_columns = columns / 4 * 4;
  const auto factor = hn::Set(d4, scale);
  for (std::int64_t r = 0; r < whole_rows; r += 4)
    for (std::int64_t c = 0; c < whole_columns; c += 4) {
      const float* p = from + r * from_stride + c;
      const auto r0 = hn::LoadU(d4, p), r1 = hn::LoadU(d4, p + from_stride);
      const auto r2 = hn::LoadU(d4, p + 2 * from_stride), r3 = hn::LoadU(d4, p + 3 * from_stride);
      const auto a = hn::InterleaveLower(d4, r0, r2), b = hn::InterleaveLower(d4, r1, r3);
      const auto e = hn::InterleaveUpper(d4, r0, r2), f = hn::InterleaveUpper(d4, r1, r3);
      float* q = to + c * to_stride + r;
      const auto put = [&](auto v, float* target) HWY_ATTR {
        hn::StoreU(add ? hn::MulAdd(v, factor, hn::LoadU(d4, target)) : hn::Mul(v, factor), d4, target);
      };
      put(hn::InterleaveLower(d4, a, b), q);
      put(hn::InterleaveUpper(d4, a, b), q + to_stride);
      put(hn::InterleaveLower(d4, e, f), q + 2 * to_stride);
      put(hn::InterleaveUpper(d4, e, f), q + 3 * to_stride);
    }
#endif
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = r < whole_rows ? whole_columns : 0; c < columns; ++c) {
      float& target = to[c * to_stride + r];
      target = scale * from[r * from_stride + c] + (add ? target : 0.0f);
    }
}

// Columns beyond the last query are zero.
void transpose_in(const float* from, std::int64_t row_stride, std::int64_t width, float scale,
                  const QueryBlock& b, float* to) {
  for (std::int64_t d = 0; b.count < b.stride && d < width; ++d)
    std::fill(to + d * b.stride + b.count, to + (d + 1) * b.stride, 0.0f);
  transpose<false>(from, row_stride, b.count, width, scale, to, b.stride);
}

void start_block(const Attention& a, const QueryBlock& b, std::int64_t batch, std::int64_t head) {
  const std::int64_t column = head * a.width;
  const auto rows = [&](const Heads& h) {
    return h.data + batch * h.batch_stride + b.begin * h.row_stride + column;
  };
  // Scores are in units of log 2: the exponential is then a power of two.
  const float scale = kLog2e / std::sqrt(static_cast<float>(a.width));
  transpose_in(rows(a.q), a.q.row_stride, a.width, scale, b, b.q);
  if (!a.self_key.data) {
    std::fill_n(b.top, b.stride, kLowest);
    std::fill_n(b.total, b.stride, 0.0f);
    std::fill_n(b.sums, a.width * b.stride, 0.0f);
    return;
  }
  std::fill_n(b.top, b.stride, 0.0f);
  std::fill_n(b.total, b.stride, 1.0f);
  transpose_in(rows(a.self_key), a.self_key.row_stride, a.width, 1, b, b.sums);
  for (std::int64_t d = 0; d < a.width; ++d)
    for (std::int64_t j = 0; j < b.stride; ++j) b.top[j] += b.q[d * b.stride + j] * b.sums[d * b.stride + j];
  transpose_in(rows(a.self_value), a.self_value.row_stride, a.width, 1, b, b.sums);
}

void add_bias(const Attention& a, const QueryBlock& b, std::int64_t batch, std::int64_t head,
              std::int64_t key, std::int64_t keys) {
  const float* from =
      a.bias + batch * a.bias_batch + head * a.bias_head + key * a.bias_key + b.begin * a.bias_query;
  if (a.bias_key == 1) return transpose<true>(from, a.bias_query, b.count, keys, kLog2e, b.scores, b.stride);
  for (std::int64_t j = 0; j < b.count; ++j)
    for (std::int64_t t = 0; t < keys; ++t)
      b.scores[t * b.stride + j] += kLog2e * from[j * a.bias_query + t * a.bias_key];
}

void hide_later_keys(const QueryBlock& b, std::int64_t key, std::int64_t keys) {
  for (std::int64_t t = 0; t < keys; ++t)
    for (std::int64_t j = 0; j < b.count && b.begin + j < key + t; ++j) b.scores[t * b.stride + j] = kLowest;
}

// Scores become exponentials relative to the largest score so far; earlier sums are rescaled to it.
void exponentiate(const Attention& a, const QueryBlock& b, std::int64_t keys) {
  const F d;
  const auto n = static_cast<std::int64_t>(lanes());
  for (std::int64_t i = 0; i < b.stride; i += n) {
    float* HWY_RESTRICT s = b.scores + i;
    const V before = hn::LoadU(d, b.top + i);
    V top0 = before, top1 = before;
    std::int64_t t = 0;
    for (; t + 2 <= keys; t += 2) {
      top0 = hn::Max(top0, hn::LoadU(d, s + t * b.stride));
      top1 = hn::Max(top1, hn::LoadU(d, s + (t + 1) * b.stride));
    }
    if (t < keys) top0 = hn::Max(top0, hn::LoadU(d, s + t * b.stride));
    const V top = hn::Max(top0, top1);
    const V rescale = exp2_of_negative(hn::Sub(before, top));
    V total = hn::Mul(hn::LoadU(d, b.total + i), rescale);
    for (t = 0; t < keys; ++t) {
      const V e = exp2_of_negative(hn::Sub(hn::LoadU(d, s + t * b.stride), top));
      total = hn::Add(total, e);
      hn::StoreU(e, d, s + t * b.stride);
    }
    hn::StoreU(top, d, b.top + i);
    hn::StoreU(total, d, b.total + i);
    for (std::int64_t r = 0; r < a.width; ++r) {
      float* sum = b.sums + r * b.stride + i;
      hn::StoreU(hn::Mul(hn::LoadU(d, sum), rescale), d, sum);
    }
  }
}

void finish_block(const Attention& a, const QueryBlock& b, std::int64_t batch, std::int64_t head) {
  const F d;
  const auto n = static_cast<std::int64_t>(lanes());
  for (std::int64_t i = 0; i < b.stride; i += n) {
    const V factor = hn::Div(hn::Set(d, 1.0f), hn::LoadU(d, b.total + i));
    for (std::int64_t r = 0; r < a.width; ++r) {
      float* sum = b.sums + r * b.stride + i;
      hn::StoreU(hn::Mul(hn::LoadU(d, sum), factor), d, sum);
    }
  }
  const std::int64_t channels = a.heads * a.width;
  float* out = a.out + (batch * a.queries + b.begin) * channels + head * a.width;
  transpose<false>(b.sums, b.stride, a.width, b.count, 1, out, channels);
}

/// `k` and `v`: the head's keys and values, dense [keys, width].
void attend_impl(const Attention& a, const float* k, const float* v, std::int64_t batch, std::int64_t head,
                 std::int64_t block) {
  const auto n = static_cast<std::int64_t>(lanes());
  QueryBlock b{};
  b.begin = block * n * kTileVectors;
  b.count = std::min(n * kTileVectors, a.queries - b.begin);
  b.vectors = (b.count + n - 1) / n;
  b.stride = b.vectors * n;
  b.q = thread_scratch((2 * a.width + kKeyBlock + kTileRows + 2) * b.stride, 0);
  b.sums = b.q + a.width * b.stride;
  b.scores = b.sums + a.width * b.stride;
  b.top = b.scores + (kKeyBlock + kTileRows) * b.stride;
  b.total = b.top + b.stride;
  start_block(a, b, batch, head);

  const std::int64_t visible = a.causal ? std::min(a.keys, b.begin + b.count) : a.keys;
  // Blocks of equal size, whole tiles each.
  const std::int64_t key_blocks = (visible + kKeyBlock - 1) / kKeyBlock;
  const std::int64_t key_block =
      ((visible + key_blocks - 1) / key_blocks + kTileRows - 1) / kTileRows * kTileRows;
  for (std::int64_t key = 0; key < visible; key += key_block) {
    const std::int64_t keys = std::min(key_block, visible - key);
    Tile t{nullptr, a.width, 1, b.q, a.width, nullptr, b.stride, nullptr, false};
    for (std::int64_t row = 0; row < keys; row += kTileRows) {
      t.a = k + (key + row) * a.width;
      t.c = b.scores + row * b.stride;
      multiply<false>(t, std::min<std::int64_t>(kTileRows, keys - row), b.vectors);
    }
    if (a.bias) add_bias(a, b, batch, head, key, keys);
    if (a.causal && key + keys > b.begin) hide_later_keys(b, key, keys);
    exponentiate(a, b, keys);
    Tile u{nullptr, 1, a.width, b.scores, keys, nullptr, b.stride, nullptr, true};
    for (std::int64_t row = 0; row < a.width; row += kTileRows) {
      u.a = v + key * a.width + row;
      u.c = b.sums + row * b.stride;
      multiply<true>(u, std::min<std::int64_t>(kTileRows, a.width - row), b.vectors);
    }
  }
  finish_block(a, b, batch, head);
}

}  // namespace san::native::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace san::native {

HWY_EXPORT(query_block_impl);
HWY_EXPORT(attend_impl);

void fused_attention(const Attention& a, BufferPool& buffers, ThreadPool& pool) {
  // Keys and values of a head lie together: every block of queries walks over all of them.
  const std::int64_t head_floats = a.keys * a.width, all_heads = a.batch * a.heads;
  const BufferPtr packed = buffers.acquire(2 * all_heads * head_floats);
  pool.parallel_for(2 * all_heads, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const Heads& source = i % 2 == 0 ? a.k : a.v;
      const float* from = source.data + i / 2 / a.heads * source.batch_stride + i / 2 % a.heads * a.width;
      float* to = packed.get() + i * head_floats;
      for (std::int64_t t = 0; t < a.keys; ++t, to += a.width)
        std::copy_n(from + t * source.row_stride, a.width, to);
    }
  });
  const std::int64_t block = HWY_DYNAMIC_DISPATCH(query_block_impl)();
  const std::int64_t blocks = (a.queries + block - 1) / block;
  const auto attend = HWY_DYNAMIC_DISPATCH(attend_impl);
  pool.parallel_for(all_heads * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t head = i / blocks;
      const float* k = packed.get() + 2 * head * head_floats;
      attend(a, k, k + head_floats, head / a.heads, head % a.heads, i % blocks);
    }
  });
}

}  // namespace san::native
#endif
