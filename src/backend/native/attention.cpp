#include "backend/native/attention.h"

#include <algorithm>

#include "backend/native/amx.h"
#include "backend/native/hwy_targets.h"
#include "backend/native/prefetch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/native/attention.cpp"
#include <hwy/foreach_target.h>
// foreach_target must come before:
#include <hwy/highway.h>

#include "backend/native/attention_block-inl.h"
#include "backend/native/bf16-inl.h"
#include "backend/native/matrix_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace san::native::HWY_NAMESPACE {

/// Keys per block: their scores for one block of queries stay in the first-level cache. Matrix registers take
/// whole tiles of pairs.
template <class Product>
constexpr std::int64_t kKeyBlock = kMultipliesTiles<Product> ? 128 : 112;
/// Exponentials are relative to the largest score of a query's first keys, later ones may be above it: until
/// their sum is that much, far from what overflows, no sum has to be rescaled.
constexpr float kMostTotal = 0x1p60f;

std::int64_t query_block_impl() {
  return static_cast<std::int64_t>(lanes()) * kTileVectors;
}

void start_block(const Attention& a, const QueryBlock& b, std::int64_t batch, std::int64_t head) {
  const auto rows = [&](const Heads& h) { return block_rows(a, h, b, batch, head); };
  load_queries(a, b, batch, head);
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
  if (a.bias_key == 1)
    return transpose<Put::kAdded>(from, a.bias_query, b.count, keys, kLog2e, b.scores, b.stride);
  for (std::int64_t j = 0; j < b.count; ++j)
    for (std::int64_t t = 0; t < keys; ++t)
      b.scores[t * b.stride + j] += kLog2e * from[j * a.bias_query + t * a.bias_key];
}

void hide_later_keys(const QueryBlock& b, std::int64_t key, std::int64_t keys) {
  for (std::int64_t t = 0; t < keys; ++t)
    for (std::int64_t j = 0; j < b.count && b.begin + j < key + t; ++j) b.scores[t * b.stride + j] = kLowest;
}

// Of two depths one row of pairs.
void round_queries(const QueryBlock& b, std::int64_t width) {
  const F d;
  const auto n = static_cast<std::int64_t>(lanes());
  for (std::int64_t k = 0; k < width; k += 2)
    for (std::int64_t i = 0; i < b.stride; i += n) {
      const float* first = b.q + k * b.stride + i;
      const V second = k + 1 < width ? hn::LoadU(d, first + b.stride) : hn::Zero(d);
      hn::StoreU(bf16_pair(hn::LoadU(d, first), second), d, b.q + k / 2 * b.stride + i);
    }
}

/// The bits of a positive number that is finite, whose upper half is the nearest bfloat16, a tie upwards.
HWY_INLINE hn::Vec<U> rounded_positive(V x) {
  const U u;
  return hn::Add(hn::BitCast(u, x), hn::Set(u, 0x8000));
}

// Makes the largest score so far b.top.
void raise_top(const QueryBlock& b, std::int64_t width, std::int64_t keys) {
  const F d;
  const auto n = static_cast<std::int64_t>(lanes());
  const std::int64_t stride = b.stride;
  for (std::int64_t i = 0; i < stride; i += n) {
    const float* s = b.scores + i;
    const V before = hn::LoadU(d, b.top + i);
    // Four at a time: a maximum takes as many cycles.
    V top0 = before, top1 = before, top2 = before, top3 = before;
    std::int64_t t = 0;
    for (; t + 4 <= keys; t += 4) {
      top0 = hn::Max(top0, hn::LoadU(d, s + t * stride));
      top1 = hn::Max(top1, hn::LoadU(d, s + (t + 1) * stride));
      top2 = hn::Max(top2, hn::LoadU(d, s + (t + 2) * stride));
      top3 = hn::Max(top3, hn::LoadU(d, s + (t + 3) * stride));
    }
    for (; t < keys; ++t) top0 = hn::Max(top0, hn::LoadU(d, s + t * stride));
    const V top = hn::Max(hn::Max(top0, top1), hn::Max(top2, top3));
    const V rescale = exp2(hn::Sub(before, top));
    hn::StoreU(top, d, b.top + i);
    hn::StoreU(hn::Mul(hn::LoadU(d, b.total + i), rescale), d, b.total + i);
    for (std::int64_t r = 0; r < width; ++r) {
      float* sum = b.sums + r * stride + i;
      hn::StoreU(hn::Mul(hn::LoadU(d, sum), rescale), d, sum);
    }
  }
}

// Scores become exponentials relative to b.top, `totals` the sums of b.total and them. Whether these fit.
// With pairs those of two keys become one row; the sum is that of numbers not yet rounded, whose roundings
// cancel each other.
template <bool pairs>
bool exponentiate(const QueryBlock& b, std::int64_t keys, float* totals) {
  const F d;
  const auto n = static_cast<std::int64_t>(lanes());
  const std::int64_t stride = b.stride;
  bool fits = true;
  for (std::int64_t i = 0; i < stride; i += n) {
    float* HWY_RESTRICT s = b.scores + i;
    const V top = hn::LoadU(d, b.top + i);
    V total = hn::LoadU(d, b.total + i);
    const auto power = [&](const float* score) HWY_ATTR {
      const V x = hn::Sub(hn::LoadU(d, score), top);
      return pairs ? rough_exp2(x) : quick_exp2(x);
    };
    const float* end = s + keys * stride;
    if constexpr (pairs) {
      const U u;
      float* to = s;
      for (const float* from = s; from < end; from += 2 * stride, to += stride) {
        const V first = power(from), second = from + stride < end ? power(from + stride) : hn::Zero(d);
        total = hn::Add(total, hn::Add(first, second));
        const auto pair = hn::Or(hn::ShiftRight<16>(rounded_positive(first)),
                                 hn::And(rounded_positive(second), hn::Set(u, 0xffff0000u)));
        hn::StoreU(hn::BitCast(d, pair), d, to);
      }
    } else {
      // One key after another: hidden keys among them, which add nothing, leave a sum's bits as they are.
      for (float* at = s; at < end; at += stride) {
        const V e = power(at);
        total = hn::Add(total, e);
        hn::StoreU(e, d, at);
      }
    }
    fits = fits && hn::AllTrue(d, hn::Lt(total, hn::Set(d, kMostTotal)));
    hn::StoreU(total, d, totals + i);
  }
  return fits;
}

template <class Product>
void attend_with(Product& product, const Attention& a, const HeadRows& head_rows, std::int64_t batch,
                 std::int64_t head, std::int64_t block) {
  constexpr bool pairs = !std::is_same_v<Product, Floats>;
  // Matrix registers want rows of values along keys, and whole tiles: other shapes of tiles take longer to
  // set than to multiply.
  constexpr bool tiles = kMultipliesTiles<Product>;
  const auto tile_rows = [](std::int64_t rows) {
    return tiles ? Product::kRows : std::min<std::int64_t>(Product::kRows, rows);
  };
  QueryBlock b = query_block(a, block);
  const std::int64_t sum_rows = tiles ? whole_tiles(a.width) : a.width;
  b.q = thread_scratch((a.width + sum_rows + kKeyBlock<Product> + kTileRows + 3) * b.stride, 0);
  b.sums = b.q + a.width * b.stride;
  b.scores = b.sums + sum_rows * b.stride;
  b.top = b.scores + (kKeyBlock<Product> + kTileRows) * b.stride;
  b.total = b.top + b.stride;
  start_block(a, b, batch, head);
  if constexpr (pairs) round_queries(b, a.width);
  const std::int64_t depth = pairs ? row_pairs(a.width) : a.width;

  const std::int64_t visible = a.causal ? std::min(a.keys, b.begin + b.count) : a.keys;
  // Blocks of equal size, whole tiles each.
  const std::int64_t key_blocks = (visible + kKeyBlock<Product> - 1) / kKeyBlock<Product>;
  constexpr std::int64_t kStep = tiles ? 2 * kMatrixDepth : Product::kRows;
  const std::int64_t key_block = ((visible + key_blocks - 1) / key_blocks + kStep - 1) / kStep * kStep;
  for (std::int64_t key = 0; key < visible; key += key_block) {
    const std::int64_t keys = std::min(key_block, visible - key);
    const auto compute_scores = [&]() HWY_ATTR {
      Tile t{nullptr, head_rows.key_stride, 1, b.q, depth, nullptr, b.stride};
      for (std::int64_t row = 0; row < keys; row += Product::kRows) {
        t.a = head_rows.keys + (key + row) * head_rows.key_stride;
        t.c = b.scores + row * b.stride;
        multiply<false>(product, t, tile_rows(keys - row), b.vectors);
      }
      if (a.bias) add_bias(a, b, batch, head, key, keys);
      if (a.causal && key + keys > b.begin) hide_later_keys(b, key, keys);
    };
    compute_scores();
    float* totals = b.total + b.stride;
    if (key == 0) raise_top(b, a.width, keys);
    if (!exponentiate<pairs>(b, keys, totals) && key > 0) {
      compute_scores();
      raise_top(b, a.width, keys);
      exponentiate<pairs>(b, keys, totals);
    }
    std::copy_n(totals, b.stride, b.total);
    const std::int64_t first = pairs ? key / 2 : key, along = head_rows.value_stride;
    std::int64_t rows = pairs ? row_pairs(keys) : keys;
    if constexpr (tiles) {
      std::fill(b.scores + rows * b.stride, b.scores + whole_tiles(rows) * b.stride, 0.0f);
      rows = whole_tiles(rows);
    }
    Tile u{nullptr, tiles ? along : 1, tiles ? 1 : along, b.scores, rows,
           nullptr, b.stride,          nullptr,           nullptr,  b.stride};
    for (std::int64_t row = 0; row < a.width; row += Product::kRows) {
      u.a = head_rows.values + (tiles ? row * along + first : first * along + row);
      u.sums = u.c = b.sums + row * b.stride;
      multiply<!tiles>(product, u, tile_rows(a.width - row), b.vectors);
    }
  }
  finish_block(a, b, nullptr, nullptr, batch, head);
}

void attend_impl(const Attention& a, const HeadRows& rows, std::int64_t batch, std::int64_t head,
                 std::int64_t block) {
  const DenormalsAreZero mode;
  const auto run = [&](auto& product) HWY_ATTR { attend_with(product, a, rows, batch, head, block); };
  if (a.bf16) return with_bf16(*a.bf16, run);
  Floats floats;
  run(floats);
}

/// Values of two keys in one row of pairs.
void pair_rows_impl(const float* from, std::int64_t row_stride, std::int64_t rows, std::int64_t width,
                    float* to) {
  const F d;
  const auto n = static_cast<std::int64_t>(lanes());
  for (std::int64_t r = 0; r < rows; r += 2, to += width) {
    const float *first = from + r * row_stride, *second = r + 1 < rows ? first + row_stride : nullptr;
    std::int64_t i = 0;
    for (; i + n <= width; i += n)
      hn::StoreU(bf16_pair(hn::LoadU(d, first + i), second ? hn::LoadU(d, second + i) : hn::Zero(d)), d,
                 to + i);
    if (i < width) {
      const auto rest = static_cast<std::size_t>(width - i);
      store_part(bf16_pair(load_part(first + i, rest), second ? load_part(second + i, rest) : hn::Zero(d)),
                 to + i, rest);
    }
  }
}

/// The same, transposed: [width, pairs of rows], these filled up with zeros to whole tiles.
void pair_columns_impl(const float* from, std::int64_t row_stride, std::int64_t rows, std::int64_t width,
                       float* to) {
  const std::int64_t pairs = row_pairs(rows), stride = whole_tiles(pairs);
  float* part = thread_scratch(kMatrixDepth * width, 0);
  for (std::int64_t pair = 0; pair < pairs; pair += kMatrixDepth) {
    const std::int64_t left = rows - 2 * pair, count = std::min<std::int64_t>(kMatrixDepth, pairs - pair);
    pair_rows_impl(from + 2 * pair * row_stride, row_stride, std::min<std::int64_t>(2 * kMatrixDepth, left),
                   width, part);
    std::fill(part + count * width, part + kMatrixDepth * width, 0.0f);
    transpose<Put::kAsItIs>(part, width, kMatrixDepth, width, 1, to + pair, stride);
  }
}

}  // namespace san::native::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace san::native {

HWY_EXPORT(query_block_impl);
HWY_EXPORT(attend_impl);
HWY_EXPORT(pair_rows_impl);
HWY_EXPORT(pair_columns_impl);

namespace {

bool by_tiles(const Attention& a) {
  return a.bf16 == Bf16Form::kAmx || a.bf16 == Bf16Form::kPlainTiles;
}

/// Floats of a head's packed keys and of its values, and between rows.
struct HeadFloats {
  std::int64_t keys, values, key_stride, value_stride;
};
HeadFloats head_floats(const Attention& a) {
  if (!a.bf16) return {a.keys * a.width, a.keys * a.width, a.width, a.width};
  const std::int64_t depth = row_pairs(a.width), pairs = row_pairs(a.keys);
  if (!by_tiles(a)) return {a.keys * depth, pairs * a.width, depth, a.width};
  // What is beyond the last key or channel is read and meets nothing.
  return {whole_tiles(a.keys) * depth, whole_tiles(a.width) * whole_tiles(pairs), depth, whole_tiles(pairs)};
}

// A head's keys or values, dense: [keys, width]; of 16 bits keys [keys, pairs of width], values [pairs of
// keys, width] or, for matrix registers, [width, pairs of keys].
void pack_head(const Attention& a, const float* from, std::int64_t row_stride, bool values, float* to) {
  // Rows of a head lie too far apart for a processor to foresee them.
  constexpr std::int64_t kRowsAhead = 12;
  if (!a.bf16)
    for (std::int64_t t = 0; t < a.keys; ++t, to += a.width) {
      prefetch_row(from + std::min(t + kRowsAhead, a.keys - 1) * row_stride, a.width);
      std::copy_n(from + t * row_stride, a.width, to);
    }
  else if (values && by_tiles(a))
    HWY_DYNAMIC_DISPATCH(pair_columns_impl)(from, row_stride, a.keys, a.width, to);
  else if (values)
    HWY_DYNAMIC_DISPATCH(pair_rows_impl)(from, row_stride, a.keys, a.width, to);
  else
    round_to_bf16(from, row_stride, a.width, to, 0, a.keys);
}

}  // namespace

std::int64_t query_blocks(const Attention& a) {
  const std::int64_t block = HWY_DYNAMIC_DISPATCH(query_block_impl)();
  return (a.queries + block - 1) / block;
}

void fused_attention(const Attention& a, BufferPool& buffers, ThreadPool& pool) {
  if (a.integers) return integer_attention(a, buffers, pool);
  const std::int64_t blocks = query_blocks(a), all_heads = a.batch * a.heads;
  const auto attend = HWY_DYNAMIC_DISPATCH(attend_impl);
  const auto for_each_block = [&](const auto& rows) {
    pool.parallel_for(all_heads * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t batch = i / blocks / a.heads, head = i / blocks % a.heads;
        attend(a, rows(batch, head), batch, head, i % blocks);
      }
    });
  };
  // A copy of keys and values costs as much as a few blocks of queries.
  constexpr std::int64_t kFewBlocks = 6;
  if (!a.bf16 && blocks <= kFewBlocks)
    return for_each_block([&](std::int64_t batch, std::int64_t head) -> HeadRows {
      const auto at = [&](const Heads& h) { return h.data + batch * h.batch_stride + head * a.width; };
      return {at(a.k), at(a.v), a.k.row_stride, a.v.row_stride};
    });
  // Keys and values of a head lie together: every block of queries walks over all of them.
  const HeadFloats floats = head_floats(a);
  const std::int64_t each = floats.keys + floats.values;
  const BufferPtr packed = buffers.acquire(all_heads * each);
  pool.parallel_for(2 * all_heads, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const Heads& source = i % 2 == 0 ? a.k : a.v;
      const float* from = source.data + i / 2 / a.heads * source.batch_stride + i / 2 % a.heads * a.width;
      float* head = packed.get() + i / 2 * each;
      pack_head(a, from, source.row_stride, i % 2 != 0, head + (i % 2 != 0 ? floats.keys : 0));
    }
  });
  for_each_block([&](std::int64_t batch, std::int64_t head) -> HeadRows {
    const float* keys = packed.get() + (batch * a.heads + head) * each;
    return {keys, keys + floats.keys, floats.key_stride, floats.value_stride};
  });
}

}  // namespace san::native
#endif
