#include "backend/native/attention_int16.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "backend/native/attention.h"
#include "backend/native/hwy_targets.h"
#include "backend/native/int8_gemm.h"
#include "backend/native/prefetch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/native/attention_int16.cpp"
#include <hwy/foreach_target.h>
// foreach_target must come before:
#include <hwy/highway.h>

#include "backend/native/attention_block-inl.h"

HWY_BEFORE_NAMESPACE();
namespace san::native::HWY_NAMESPACE {

using VI = hn::Vec<I>;

constexpr std::int64_t kKeyBlock = 112;
/// Length of the longest row of integers: no partial sum of two rows' products is more than its square.
constexpr float kLength = 32000;
/// The largest exponential is 2^this, the largest value that many units.
constexpr int kExponentBits = 14;
constexpr float kLargestValue = 1160;
/// Room for what rounding adds and for the exponentials' own error.
static_assert(static_cast<double>(kKeyBlock) * ((1 << kExponentBits) + 4) * (kLargestValue + 0.5) < 0x1p31);
/// The least length or value that is told from zero; its square is still a normal number.
constexpr float kLeast = 1e-18f;

// How two int16 a lane are multiplied and added to int32. Lanes are moved as floats whatever they hold.

struct PlainInt16 {
  static constexpr int kRows = kTileRows;
  static HWY_INLINE V add(V sum, V x, V y) {
    const I d;
    const VI a = hn::BitCast(d, x), b = hn::BitCast(d, y);
    const VI low =
        hn::Mul(hn::ShiftRight<16>(hn::ShiftLeft<16>(a)), hn::ShiftRight<16>(hn::ShiftLeft<16>(b)));
    const VI high = hn::Mul(hn::ShiftRight<16>(a), hn::ShiftRight<16>(b));
    return hn::BitCast(F(), hn::Add(hn::Add(hn::BitCast(d, sum), low), high));
  }
};

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
struct Int16Dots {
  static constexpr int kRows = kTileRows;
  static HWY_INLINE V add(V sum, V x, V y) {
#if HWY_TARGET <= HWY_AVX3
    asm("vpdpwssd %2, %1, %0" : "+v"(sum.raw) : "v"(x.raw), "v"(y.raw));
#else
    asm("%{vex%} vpdpwssd %2, %1, %0" : "+x"(sum.raw) : "x"(x.raw), "x"(y.raw));
#endif
    return sum;
  }
};
#endif

HWY_INLINE VI integers(const float* from) {
  return hn::BitCast(I(), hn::LoadU(F(), from));
}

/// One pair a lane: `first` in the lower halves, `second` in the upper ones.
HWY_INLINE V int16_pair(VI first, VI second) {
  const I d;
  return hn::BitCast(F(), hn::Or(hn::And(first, hn::Set(d, 0xffff)), hn::ShiftLeft<16>(second)));
}

/// The block's queries become pairs of integers, factors[query] what a score's unit is worth.
void round_queries_int16(const QueryBlock& b, std::int64_t width, float key_unit, float* factors) {
  const F d;
  const auto n = static_cast<std::int64_t>(lanes());
  for (std::int64_t i = 0; i < b.stride; i += n) {
    float* q = b.q + i;
    V squares = hn::Zero(d);
    for (std::int64_t r = 0; r < width; ++r) {
      const V x = hn::LoadU(d, q + r * b.stride);
      squares = hn::MulAdd(x, x, squares);
    }
    // Max may lose what is no number; times zero it stays.
    const V length = hn::MulAdd(squares, hn::Zero(d), hn::Max(hn::Sqrt(squares), hn::Set(d, kLeast)));
    hn::StoreU(hn::Mul(length, hn::Set(d, key_unit / kLength)), d, factors + i);
    const V scale = hn::Div(hn::Set(d, kLength), length);
    const auto rounded = [&](std::int64_t r) HWY_ATTR {
      return hn::NearestInt(hn::Mul(hn::LoadU(d, q + r * b.stride), scale));
    };
    for (std::int64_t r = 0; r < width; r += 2)
      hn::StoreU(int16_pair(rounded(r), r + 1 < width ? rounded(r + 1) : hn::Zero(I())), d,
                 q + r / 2 * b.stride);
  }
}

/// Scores of one key block become pairs of exponentials; b.top, b.total and both factors those of the sums
/// before and of this block's follow.
void exponentiate_int16(const QueryBlock& b, std::int64_t keys, const float* factors, float* before,
                        float* here) {
  const F d;
  const I di;
  const auto n = static_cast<std::int64_t>(lanes());
  const std::int64_t stride = b.stride;
  // Adding 2^23 leaves the nearest integer in the low bits.
  const V magic = hn::Set(d, 8388608.0f);
  for (std::int64_t i = 0; i < stride; i += n) {
    float* HWY_RESTRICT s = b.scores + i;
    VI most0 = integers(s), most1 = most0, most2 = most0, most3 = most0;
    std::int64_t t = 0;
    for (; t + 4 <= keys; t += 4) {
      most0 = hn::Max(most0, integers(s + t * stride));
      most1 = hn::Max(most1, integers(s + (t + 1) * stride));
      most2 = hn::Max(most2, integers(s + (t + 2) * stride));
      most3 = hn::Max(most3, integers(s + (t + 3) * stride));
    }
    for (; t < keys; ++t) most0 = hn::Max(most0, integers(s + t * stride));
    const VI most = hn::Max(hn::Max(most0, most1), hn::Max(most2, most3));
    const V factor = hn::LoadU(d, factors + i), largest = hn::Mul(hn::ConvertTo(d, most), factor);
    const V shift = hn::Sub(hn::Set(d, static_cast<float>(kExponentBits)), largest);
    const auto power = [&](const float* score) HWY_ATTR {
      return rough_exp2(hn::MulAdd(hn::ConvertTo(d, integers(score)), factor, shift));
    };
    V sum = hn::Zero(d);
    const float* end = s + keys * stride;
    float* to = s;
    for (const float* from = s; from < end; from += 2 * stride, to += stride) {
      const V first = power(from), second = from + stride < end ? power(from + stride) : hn::Zero(d);
      sum = hn::Add(sum, hn::Add(first, second));
      hn::StoreU(int16_pair(hn::BitCast(di, hn::Add(first, magic)), hn::BitCast(di, hn::Add(second, magic))),
                 d, to);
    }
    const V top = hn::LoadU(d, b.top + i), next = hn::Max(top, largest);
    const V old = exp2(hn::Sub(top, next)), now = exp2(hn::Sub(largest, next));
    hn::StoreU(next, d, b.top + i);
    hn::StoreU(old, d, before + i);
    hn::StoreU(now, d, here + i);
    hn::StoreU(hn::MulAdd(hn::LoadU(d, b.total + i), old, hn::Mul(sum, now)), d, b.total + i);
  }
}

/// sums = sums · before + integers · here, for rows [row, row + rows).
void add_int16_block(const QueryBlock& b, const float* products, std::int64_t row, std::int64_t rows,
                     const float* before, const float* here) {
  const F d;
  const auto n = static_cast<std::int64_t>(lanes());
  for (std::int64_t i = 0; i < b.stride; i += n) {
    const V old = hn::LoadU(d, before + i), now = hn::LoadU(d, here + i);
    for (std::int64_t r = 0; r < rows; ++r) {
      float* sum = b.sums + (row + r) * b.stride + i;
      const V added = hn::Mul(hn::ConvertTo(d, integers(products + r * b.stride + i)), now);
      hn::StoreU(hn::MulAdd(hn::LoadU(d, sum), old, added), d, sum);
    }
  }
}

/// Asks for the block's rows of the answer and for the queries of the next one: during the last products
/// there is time.
void prefetch_ends(const Attention& a, const QueryBlock& b, std::int64_t batch, std::int64_t head) {
  const std::int64_t channels = a.heads * a.width, end = b.begin + b.count;
  prefetch_rows<true>(a.out + (batch * a.queries + b.begin) * channels + head * a.width, channels, b.count,
                      a.width);
  prefetch_rows<false>(block_rows(a, a.q, b, batch, head) + b.count * a.q.row_stride, a.q.row_stride,
                       std::min(b.stride, a.queries - end), a.width);
}

template <class Product>
void attend_int16_with(const Attention& a, const HeadRows& head_rows, std::int64_t batch, std::int64_t head,
                       std::int64_t block) {
  Product product;
  QueryBlock b = query_block(a, block);
  b.q = thread_scratch((2 * a.width + kKeyBlock + kTileRows + 5) * b.stride, 0);
  b.sums = b.q + a.width * b.stride;
  b.scores = b.sums + a.width * b.stride;
  float* products = b.scores + kKeyBlock * b.stride;
  b.top = products + kTileRows * b.stride;
  b.total = b.top + b.stride;
  float *factors = b.total + b.stride, *before = factors + b.stride, *here = before + b.stride;
  load_queries(a, b, batch, head);
  round_queries_int16(b, a.width, head_rows.units[0], factors);
  std::fill_n(b.top, b.stride, kLowest);
  std::fill_n(b.sums, a.width * b.stride, 0.0f);
  // What makes a factor no number makes the total none.
  for (std::int64_t j = 0; j < b.stride; ++j) b.total[j] = factors[j] * 0.0f;

  const std::int64_t key_blocks = (a.keys + kKeyBlock - 1) / kKeyBlock;
  const std::int64_t key_block =
      ((a.keys + key_blocks - 1) / key_blocks + Product::kRows - 1) / Product::kRows * Product::kRows;
  for (std::int64_t key = 0; key < a.keys; key += key_block) {
    const std::int64_t keys = std::min(key_block, a.keys - key);
    Tile t{nullptr, head_rows.key_stride, 1, b.q, row_pairs(a.width), nullptr, b.stride};
    for (std::int64_t row = 0; row < keys; row += Product::kRows) {
      t.a = head_rows.keys + (key + row) * head_rows.key_stride;
      t.c = b.scores + row * b.stride;
      multiply<false>(product, t, std::min<std::int64_t>(Product::kRows, keys - row), b.vectors);
    }
    exponentiate_int16(b, keys, factors, before, here);
    if (key + keys == a.keys) prefetch_ends(a, b, batch, head);
    Tile u{nullptr, 1, head_rows.value_stride, b.scores, row_pairs(keys), products, b.stride};
    for (std::int64_t row = 0; row < a.width; row += Product::kRows) {
      const std::int64_t rows = std::min<std::int64_t>(Product::kRows, a.width - row);
      u.a = head_rows.values + key / 2 * head_rows.value_stride + row;
      multiply<true>(product, u, rows, b.vectors);
      add_int16_block(b, products, row, rows, before, here);
    }
  }
  finish_block(a, b, head_rows.units + 1, batch, head);
}

void attend_int16_impl(const Attention& a, const HeadRows& rows, std::int64_t batch, std::int64_t head,
                       std::int64_t block) {
  const DenormalsAreZero mode;
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
  if (a.int16 == Int16Form::kDots) return attend_int16_with<Int16Dots>(a, rows, batch, head, block);
#endif
  attend_int16_with<PlainInt16>(a, rows, batch, head, block);
}

// Rows of a head lie too far apart for a processor to foresee them.
HWY_INLINE void prefetch_ahead(const float* from, std::int64_t row_stride, std::int64_t row,
                               std::int64_t rows, std::int64_t width) {
  constexpr std::int64_t kRowsAhead = 12;
  prefetch_row(from + std::min(row + kRowsAhead, rows - 1) * row_stride, width);
}

void pack_int16_keys_impl(const float* from, std::int64_t row_stride, std::int64_t keys, std::int64_t width,
                          float* to, float* unit) {
  const F d;
  const hn::Rebind<std::int16_t, I> d16;
  const auto n = static_cast<std::int64_t>(lanes());
  const std::int64_t whole = width / n * n;
  const auto rest = static_cast<std::size_t>(width - whole);
  float most = 0, nothing = 0;
  for (std::int64_t t = 0; t < keys; ++t) {
    prefetch_ahead(from, row_stride, t, keys, width);
    const float* row = from + t * row_stride;
    V squares = hn::Zero(d);
    for (std::int64_t i = 0; i < whole; i += n) {
      const V x = hn::LoadU(d, row + i);
      squares = hn::MulAdd(x, x, squares);
    }
    if (rest > 0) {
      const V x = load_part(row + whole, rest);
      squares = hn::MulAdd(x, x, squares);
    }
    const float square = hn::GetLane(hn::SumOfLanes(d, squares));
    most = std::max(most, square);
    nothing += square * 0.0f;
  }
  const float length = std::max(std::sqrt(most), kLeast) + nothing;
  *unit = length / kLength;
  const V scale = hn::Set(d, kLength / length);
  const std::int64_t pairs = row_pairs(width);
  for (std::int64_t t = 0; t < keys; ++t) {
    const float* row = from + t * row_stride;
    auto* out = reinterpret_cast<std::int16_t*>(to + t * pairs);
    const auto rounded = [&](V x) HWY_ATTR { return hn::DemoteTo(d16, hn::NearestInt(hn::Mul(x, scale))); };
    for (std::int64_t i = 0; i < whole; i += n) hn::StoreU(rounded(hn::LoadU(d, row + i)), d16, out + i);
    if (rest > 0) {
      HWY_ALIGN std::int16_t part[HWY_MAX_BYTES / sizeof(float)];
      hn::StoreU(rounded(load_part(row + whole, rest)), d16, part);
      std::copy_n(part, rest, out + whole);
    }
    if (width % 2 != 0) out[width] = 0;
  }
}

void pack_int16_values_impl(const float* from, std::int64_t row_stride, std::int64_t keys, std::int64_t width,
                            float* to, float* units) {
  const F d;
  const auto n = static_cast<std::int64_t>(lanes());
  // A strip of channels at a time: loads and stores of its last, partial one are others.
  const auto pack = [&](std::int64_t column, auto load, auto store) HWY_ATTR {
    const float* strip = from + column;
    V most = hn::Set(d, kLeast), nothing = hn::Zero(d);
    for (std::int64_t t = 0; t < keys; ++t) {
      if (column == 0) prefetch_ahead(from, row_stride, t, keys, width);
      const V x = load(strip + t * row_stride);
      most = hn::Max(most, hn::Abs(x));
      nothing = hn::MulAdd(x, hn::Zero(d), nothing);
    }
    most = hn::Add(most, nothing);
    store(hn::Mul(most, hn::Set(d, 1 / kLargestValue)), units + column);
    const V scale = hn::Div(hn::Set(d, kLargestValue), most);
    const auto rounded = [&](std::int64_t t) HWY_ATTR {
      return hn::NearestInt(hn::Mul(load(strip + t * row_stride), scale));
    };
    float* out = to + column;
    for (std::int64_t t = 0; t < keys; t += 2, out += width)
      store(int16_pair(rounded(t), t + 1 < keys ? rounded(t + 1) : hn::Zero(I())), out);
  };
  std::int64_t column = 0;
  for (; column + n <= width; column += n)
    pack(
        column, [&](const float* p) HWY_ATTR { return hn::LoadU(d, p); },
        [&](V v, float* p) HWY_ATTR { hn::StoreU(v, d, p); });
  if (const auto rest = static_cast<std::size_t>(width - column); rest > 0)
    pack(
        column, [&](const float* p) HWY_ATTR { return load_part(p, rest); },
        [&](V v, float* p) HWY_ATTR { store_part(v, p, rest); });
}

}  // namespace san::native::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace san::native {

HWY_EXPORT(attend_int16_impl);
HWY_EXPORT(pack_int16_keys_impl);
HWY_EXPORT(pack_int16_values_impl);

std::vector<Int16Form> int16_forms() {
#if HWY_ARCH_X86
  const std::vector<Int8Form> bytes = int8_forms();
  if (std::find(bytes.begin(), bytes.end(), Int8Form::kQuads) != bytes.end())
    return {Int16Form::kDots, Int16Form::kPlain};
#endif
  return {Int16Form::kPlain};
}

bool int16_is_multiplied() {
  return int16_forms().front() == Int16Form::kDots;
}

void pack_int16_keys(const float* from, std::int64_t row_stride, std::int64_t keys, std::int64_t width,
                     float* to, float* unit) {
  HWY_DYNAMIC_DISPATCH(pack_int16_keys_impl)(from, row_stride, keys, width, to, unit);
}

void pack_int16_values(const float* from, std::int64_t row_stride, std::int64_t keys, std::int64_t width,
                       float* to, float* units) {
  HWY_DYNAMIC_DISPATCH(pack_int16_values_impl)(from, row_stride, keys, width, to, units);
}

void attend_int16(const Attention& a, const HeadRows& rows, std::int64_t batch, std::int64_t head,
                  std::int64_t block) {
  HWY_DYNAMIC_DISPATCH(attend_int16_impl)(a, rows, batch, head, block);
}

}  // namespace san::native
#endif
