// Attention of integers, whatever their width; included once per target.
#if defined(SAN_NATIVE_ATTENTION_INTEGERS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef SAN_NATIVE_ATTENTION_INTEGERS_INL
#undef SAN_NATIVE_ATTENTION_INTEGERS_INL
#else
#define SAN_NATIVE_ATTENTION_INTEGERS_INL
#endif

#include <algorithm>

#include "backend/native/attention.h"
#include "backend/native/attention_block-inl.h"
#include "backend/native/prefetch.h"

HWY_BEFORE_NAMESPACE();
namespace san::native::HWY_NAMESPACE {

using VI = hn::Vec<I>;

// Integers lie in lanes that are moved as floats whatever they hold.
HWY_INLINE VI integers(const float* from) {
  return hn::BitCast(I(), hn::LoadU(F(), from));
}

/// The largest of a column's `keys` integers.
HWY_INLINE VI largest_integer(const float* s, std::int64_t stride, std::int64_t keys) {
  // Four at a time: a maximum takes as many cycles.
  VI most0 = integers(s), most1 = most0, most2 = most0, most3 = most0;
  std::int64_t t = 0;
  for (; t + 4 <= keys; t += 4) {
    most0 = hn::Max(most0, integers(s + t * stride));
    most1 = hn::Max(most1, integers(s + (t + 1) * stride));
    most2 = hn::Max(most2, integers(s + (t + 2) * stride));
    most3 = hn::Max(most3, integers(s + (t + 3) * stride));
  }
  for (; t < keys; ++t) most0 = hn::Max(most0, integers(s + t * stride));
  return hn::Max(hn::Max(most0, most1), hn::Max(most2, most3));
}

/// What the sums before and those of this block are to be multiplied with, and the block's own total.
struct BlockFactors {
  float *before, *here;
};

/// b.top, b.total and the factors after a block of keys whose largest score and sum of exponentials these
/// are.
HWY_INLINE void follow_block(const QueryBlock& b, std::int64_t i, V largest, V sum, const BlockFactors& f) {
  const F d;
  const V top = hn::LoadU(d, b.top + i), next = hn::Max(top, largest);
  const V old = exp2(hn::Sub(top, next)), now = exp2(hn::Sub(largest, next));
  hn::StoreU(next, d, b.top + i);
  hn::StoreU(old, d, f.before + i);
  hn::StoreU(now, d, f.here + i);
  hn::StoreU(hn::MulAdd(hn::LoadU(d, b.total + i), old, hn::Mul(sum, now)), d, b.total + i);
}

/// sums = sums · before + integers · here, for rows [row, row + rows).
inline void add_integer_block(const QueryBlock& b, const float* products, std::int64_t row, std::int64_t rows,
                              const BlockFactors& f) {
  const F d;
  const auto n = static_cast<std::int64_t>(lanes());
  for (std::int64_t i = 0; i < b.stride; i += n) {
    const V old = hn::LoadU(d, f.before + i), now = hn::LoadU(d, f.here + i);
    for (std::int64_t r = 0; r < rows; ++r) {
      float* sum = b.sums + (row + r) * b.stride + i;
      const V added = hn::Mul(hn::ConvertTo(d, integers(products + r * b.stride + i)), now);
      hn::StoreU(hn::MulAdd(hn::LoadU(d, sum), old, added), d, sum);
    }
  }
}

/// Asks for the block's rows of the answer and for the queries of the next one: during the last products
/// there is time.
inline void prefetch_ends(const Attention& a, const QueryBlock& b, std::int64_t batch, std::int64_t head) {
  const std::int64_t channels = a.heads * a.width, end = b.begin + b.count;
  prefetch_rows<true>(a.out + (batch * a.queries + b.begin) * channels + head * a.width, channels, b.count,
                      a.width);
  prefetch_rows<false>(block_rows(a, a.q, b, batch, head) + b.count * a.q.row_stride, a.q.row_stride,
                       std::min(b.stride, a.queries - end), a.width);
}

/// Rows of a head lie too far apart for a processor to foresee them.
inline void prefetch_ahead(const HeadMatrix& x, std::int64_t row) {
  constexpr std::int64_t kRowsAhead = 12;
  prefetch_row(x.data + std::min(row + kRowsAhead, x.rows - 1) * x.row_stride, x.width);
}

/// Calls body(column, load, store) for each vector of channels, partial or not.
template <class Body>
HWY_INLINE void for_each_strip(std::int64_t width, const Body& body) {
  const auto n = static_cast<std::int64_t>(lanes());
  std::int64_t column = 0;
  for (; column + n <= width; column += n)
    body(
        column, [](const float* p) HWY_ATTR { return hn::LoadU(F(), p); },
        [](V v, float* p) HWY_ATTR { hn::StoreU(v, F(), p); });
  if (const auto rest = static_cast<std::size_t>(width - column); rest > 0)
    body(
        column, [rest](const float* p) HWY_ATTR { return load_part(p, rest); },
        [rest](V v, float* p) HWY_ATTR { store_part(v, p, rest); });
}

/// Integers is how they are rounded, kGroup of them a lane, and by which products multiplied.
template <class Integers>
void attend_integers(const Attention& a, const HeadRows& head_rows, std::int64_t batch, std::int64_t head,
                     std::int64_t block) {
  constexpr std::int64_t kKeyBlock = Integers::kKeyBlock;
  const auto groups = [](std::int64_t count) { return (count + Integers::kGroup - 1) / Integers::kGroup; };
  typename Integers::KeyProduct key_product;
  typename Integers::ValueProduct value_product;
  QueryBlock b = query_block(a, block);
  b.q = thread_scratch((2 * a.width + kKeyBlock + kTileRows + 5) * b.stride, 0);
  b.sums = b.q + a.width * b.stride;
  b.scores = b.sums + a.width * b.stride;
  float* products = b.scores + kKeyBlock * b.stride;
  b.top = products + kTileRows * b.stride;
  b.total = b.top + b.stride;
  float* factors = b.total + b.stride;
  const BlockFactors block_factors{factors + b.stride, factors + 2 * b.stride};
  load_queries(a, b, batch, head);
  Integers::round_queries(b, a.width, head_rows.units, factors);
  std::fill_n(b.top, b.stride, kLowest);
  std::fill_n(b.sums, a.width * b.stride, 0.0f);
  // What makes a factor no number makes the total none.
  for (std::int64_t j = 0; j < b.stride; ++j) b.total[j] = factors[j] * 0.0f;

  const std::int64_t key_blocks = (a.keys + kKeyBlock - 1) / kKeyBlock;
  const std::int64_t key_block =
      ((a.keys + key_blocks - 1) / key_blocks + kTileRows - 1) / kTileRows * kTileRows;
  for (std::int64_t key = 0; key < a.keys; key += key_block) {
    const std::int64_t keys = std::min(key_block, a.keys - key);
    Tile t{nullptr, head_rows.key_stride, 1, b.q, groups(a.width), nullptr, b.stride};
    for (std::int64_t row = 0; row < keys; row += kTileRows) {
      t.a = head_rows.keys + (key + row) * head_rows.key_stride;
      t.c = b.scores + row * b.stride;
      multiply<false>(key_product, t, std::min<std::int64_t>(kTileRows, keys - row), b.vectors);
    }
    Integers::exponentiate(b, keys, factors, block_factors);
    if (key + keys == a.keys) prefetch_ends(a, b, batch, head);
    Tile u{nullptr, 1, head_rows.value_stride, b.scores, groups(keys), products, b.stride};
    for (std::int64_t row = 0; row < a.width; row += kTileRows) {
      const std::int64_t rows = std::min<std::int64_t>(kTileRows, a.width - row);
      u.a = head_rows.values + key / Integers::kGroup * head_rows.value_stride + row;
      multiply<true>(value_product, u, rows, b.vectors);
      add_integer_block(b, products, row, rows, block_factors);
    }
  }
  Integers::finish(a, b, head_rows.units, batch, head);
}

}  // namespace san::native::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
