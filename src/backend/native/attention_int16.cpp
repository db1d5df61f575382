#include <algorithm>
#include <cmath>

#include "backend/native/attention.h"
#include "backend/native/attention_integers.h"
#include "backend/native/hwy_targets.h"
#include "backend/native/prefetch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/native/attention_int16.cpp"
#include <hwy/foreach_target.h>
// foreach_target must come before:
#include <hwy/highway.h>

#include "backend/native/attention_integers-inl.h"

HWY_BEFORE_NAMESPACE();
namespace san::native::HWY_NAMESPACE {

constexpr std::int64_t kInt16Keys = 112;
/// Length of the longest row of integers: no partial sum of two rows' products is more than its square.
constexpr float kLength = 32000;
/// The largest exponential is 2^this, the largest value that many units.
constexpr int kExponentBits = 14;
constexpr float kLargestValue = 1160;
/// Room for what rounding adds and for the exponentials' own error.
static_assert(static_cast<double>(kInt16Keys) * ((1 << kExponentBits) + 4) * (kLargestValue + 0.5) < 0x1p31);
/// The least length or value that is told from zero; its square is still a normal number.
constexpr float kLeast = 1e-18f;

// How two int16 a lane are multiplied and added to int32.

struct PlainInt16 {
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

/// One pair a lane: `first` in the lower halves, `second` in the upper ones.
HWY_INLINE V int16_pair(VI first, VI second) {
  const I d;
  return hn::BitCast(F(), hn::Or(hn::And(first, hn::Set(d, 0xffff)), hn::ShiftLeft<16>(second)));
}

/// The block's queries become pairs of integers, factors[query] what a score's unit is worth.
void round_int16_queries(const QueryBlock& b, std::int64_t width, float key_unit, float* factors) {
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

/// Scores of one key block become pairs of exponentials, and what is kept of blocks follows.
void exponentiate_int16(const QueryBlock& b, std::int64_t keys, const float* factors, const BlockFactors& f) {
  const F d;
  const I di;
  const auto n = static_cast<std::int64_t>(lanes());
  const std::int64_t stride = b.stride;
  // Adding 2^23 leaves the nearest integer in the low bits.
  const V magic = hn::Set(d, 8388608.0f);
  for (std::int64_t i = 0; i < stride; i += n) {
    float* HWY_RESTRICT s = b.scores + i;
    const V factor = hn::LoadU(d, factors + i);
    const V largest = hn::Mul(hn::ConvertTo(d, largest_integer(s, stride, keys)), factor);
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
    follow_block(b, i, largest, sum, f);
  }
}

template <class Product>
struct Int16 {
  using KeyProduct = Product;
  using ValueProduct = Product;
  static constexpr std::int64_t kGroup = 2, kKeyBlock = kInt16Keys;
  static void round_queries(const QueryBlock& b, std::int64_t width, const float* units, float* factors) {
    round_int16_queries(b, width, units[0], factors);
  }
  static void exponentiate(const QueryBlock& b, std::int64_t keys, const float* factors,
                           const BlockFactors& f) {
    exponentiate_int16(b, keys, factors, f);
  }
  static void finish(const Attention& a, const QueryBlock& b, const float* units, std::int64_t batch,
                     std::int64_t head) {
    finish_block(a, b, units + 1, nullptr, batch, head);
  }
};

void attend_int16_impl(const Attention& a, const HeadRows& rows, std::int64_t batch, std::int64_t head,
                       std::int64_t block) {
  const DenormalsAreZero mode;
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
  if (a.integers == IntegerForm::kDots) return attend_integers<Int16<Int16Dots>>(a, rows, batch, head, block);
#endif
  attend_integers<Int16<PlainInt16>>(a, rows, batch, head, block);
}

void pack_int16_keys_impl(const HeadMatrix& m, float* to, float* units) {
  const F d;
  const hn::Rebind<std::int16_t, I> d16;
  const auto n = static_cast<std::int64_t>(lanes());
  const std::int64_t width = m.width, whole = width / n * n;
  const auto rest = static_cast<std::size_t>(width - whole);
  float most = 0, nothing = 0;
  for (std::int64_t t = 0; t < m.rows; ++t) {
    prefetch_ahead(m, t);
    const float* row = m.data + t * m.row_stride;
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
  *units = length / kLength;
  const V scale = hn::Set(d, kLength / length);
  const std::int64_t pairs = row_pairs(width);
  for (std::int64_t t = 0; t < m.rows; ++t) {
    const float* row = m.data + t * m.row_stride;
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

void pack_int16_values_impl(const HeadMatrix& m, float* to, float* units) {
  const F d;
  for_each_strip(m.width, [&](std::int64_t column, auto load, auto store) HWY_ATTR {
    const float* strip = m.data + column;
    V most = hn::Set(d, kLeast), nothing = hn::Zero(d);
    for (std::int64_t t = 0; t < m.rows; ++t) {
      if (column == 0) prefetch_ahead(m, t);
      const V x = load(strip + t * m.row_stride);
      most = hn::Max(most, hn::Abs(x));
      nothing = hn::MulAdd(x, hn::Zero(d), nothing);
    }
    most = hn::Add(most, nothing);
    store(hn::Mul(most, hn::Set(d, 1 / kLargestValue)), units + column);
    const V scale = hn::Div(hn::Set(d, kLargestValue), most);
    const auto rounded = [&](std::int64_t t) HWY_ATTR {
      return hn::NearestInt(hn::Mul(load(strip + t * m.row_stride), scale));
    };
    float* out = to + column;
    for (std::int64_t t = 0; t < m.rows; t += 2, out += m.width)
      store(int16_pair(rounded(t), t + 1 < m.rows ? rounded(t + 1) : hn::Zero(I())), out);
  });
}

}  // namespace san::native::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace san::native {

HWY_EXPORT(attend_int16_impl);
HWY_EXPORT(pack_int16_keys_impl);
HWY_EXPORT(pack_int16_values_impl);

void pack_int16_keys(const HeadMatrix& keys, float* to, float* units) {
  HWY_DYNAMIC_DISPATCH(pack_int16_keys_impl)(keys, to, units);
}

void pack_int16_values(const HeadMatrix& values, float* to, float* units) {
  HWY_DYNAMIC_DISPATCH(pack_int16_values_impl)(values, to, units);
}

void attend_int16(const Attention& a, const HeadRows& rows, std::int64_t batch, std::int64_t head,
                  std::int64_t block) {
  HWY_DYNAMIC_DISPATCH(attend_int16_impl)(a, rows, batch, head, block);
}

}  // namespace san::native
#endif
