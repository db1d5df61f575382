#include <algorithm>
#include <cmath>

#include "backend/native/attention_integers.h"
#include "backend/native/hwy_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/native/attention_int8.cpp"
#include <hwy/foreach_target.h>
// foreach_target must come before:
#include <hwy/highway.h>

#include "backend/native/attention_integers-inl.h"

HWY_BEFORE_NAMESPACE();
namespace san::native::HWY_NAMESPACE {

/// Steps of a key's or value's channel and of an exponential, and of a query's channel to either side.
constexpr float kSteps = 255, kQuerySteps = 127;
constexpr float kLog2Steps = 7.99435344f;
/// The least range that is told from zero.
constexpr float kLeastRange = 1e-30f;

// How four bytes a lane are multiplied and added to int32: x, which is the same in all lanes, and y.

template <bool first_unsigned>
struct PlainBytes {
  static HWY_INLINE V add(V sum, V x, V y) {
    const I d;
    const VI a = hn::BitCast(d, first_unsigned ? x : y), b = hn::BitCast(d, first_unsigned ? y : x);
    const VI mask = hn::Set(d, 255);
    VI s = hn::BitCast(d, sum);
    s = hn::Add(s, hn::Mul(hn::And(a, mask), hn::ShiftRight<24>(hn::ShiftLeft<24>(b))));
    s = hn::Add(s, hn::Mul(hn::And(hn::ShiftRight<8>(a), mask), hn::ShiftRight<24>(hn::ShiftLeft<16>(b))));
    s = hn::Add(s, hn::Mul(hn::And(hn::ShiftRight<16>(a), mask), hn::ShiftRight<24>(hn::ShiftLeft<8>(b))));
    s = hn::Add(s, hn::Mul(hn::And(hn::ShiftRight<24>(a), mask), hn::ShiftRight<24>(b)));
    return hn::BitCast(F(), s);
  }
};

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
template <bool first_unsigned>
struct ByteDots {
  static HWY_INLINE V add(V sum, V x, V y) {
    const V a = first_unsigned ? x : y, b = first_unsigned ? y : x;
#if HWY_TARGET <= HWY_AVX3
    asm("vpdpbusd %2, %1, %0" : "+v"(sum.raw) : "v"(a.raw), "v"(b.raw));
#else
    asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum.raw) : "x"(a.raw), "x"(b.raw));
#endif
    return sum;
  }
};
#endif

/// Four bytes a lane, the first of them lowest. Bits 8 to 23 of x1 and x2 are clear, what is above is shifted
/// out.
HWY_INLINE V byte_group(VI x0, VI x1, VI x2, VI x3) {
  const VI low = hn::OrAnd(hn::ShiftLeft<8>(x1), x0, hn::Set(I(), 255));
  return hn::BitCast(F(), hn::Or3(low, hn::ShiftLeft<16>(x2), hn::ShiftLeft<24>(x3)));
}

/// The same of integers that may be negative.
HWY_INLINE V signed_group(VI x0, VI x1, VI x2, VI x3) {
  const VI mask = hn::Set(I(), 255);
  return byte_group(x0, hn::And(x1, mask), hn::And(x2, mask), x3);
}

/// The block's queries become groups of bytes, factors[query] what a score's unit is worth.
void round_int8_queries(const QueryBlock& b, std::int64_t width, const float* key_steps, float* factors) {
  const F d;
  const auto n = static_cast<std::int64_t>(lanes());
  for (std::int64_t i = 0; i < b.stride; i += n) {
    float* q = b.q + i;
    V most = hn::Set(d, kLeastRange), nothing = hn::Zero(d);
    for (std::int64_t r = 0; r < width; ++r) {
      const V x = hn::Mul(hn::LoadU(d, q + r * b.stride), hn::Set(d, key_steps[r]));
      hn::StoreU(x, d, q + r * b.stride);
      most = hn::Max(most, hn::Abs(x));
      // Max may lose what is no number; times zero it stays.
      nothing = hn::MulAdd(x, hn::Zero(d), nothing);
    }
    most = hn::Add(most, nothing);
    hn::StoreU(hn::Mul(most, hn::Set(d, 1 / kQuerySteps)), d, factors + i);
    const V scale = hn::Div(hn::Set(d, kQuerySteps), most);
    const auto rounded = [&](std::int64_t r) HWY_ATTR {
      return r < width ? hn::NearestInt(hn::Mul(hn::LoadU(d, q + r * b.stride), scale)) : hn::Zero(I());
    };
    for (std::int64_t r = 0; r < width; r += 4)
      hn::StoreU(signed_group(rounded(r), rounded(r + 1), rounded(r + 2), rounded(r + 3)), d,
                 q + r / 4 * b.stride);
  }
}

/// Scores of one key block become groups of exponentials, and what is kept of blocks follows.
template <class Product>
void exponentiate_int8(const QueryBlock& b, std::int64_t keys, const float* factors, const BlockFactors& f) {
  const F d;
  const I di;
  const auto n = static_cast<std::int64_t>(lanes());
  const std::int64_t stride = b.stride;
  // Adding 2^23 leaves the nearest integer in the low bits, the next fifteen clear.
  const V magic = hn::Set(d, 8388608.0f), ones = hn::BitCast(d, hn::Set(di, 0x01010101));
  for (std::int64_t i = 0; i < stride; i += n) {
    float* HWY_RESTRICT s = b.scores + i;
    const V factor = hn::LoadU(d, factors + i);
    const V largest = hn::Mul(hn::ConvertTo(d, largest_integer(s, stride, keys)), factor);
    const V shift = hn::Sub(hn::Set(d, kLog2Steps), largest);
    const auto power = [&](std::int64_t t) HWY_ATTR {
      const V x = hn::MulAdd(hn::ConvertTo(d, integers(s + t * stride)), factor, shift);
      return hn::BitCast(di, hn::Add(rough_exp2(x), magic));
    };
    V sum = hn::Zero(d);
    std::int64_t t = 0;
    const auto put = [&](V group) HWY_ATTR {
      sum = Product::add(sum, ones, group);
      hn::StoreU(group, d, s + t / 4 * stride);
    };
    for (; t + 4 <= keys; t += 4) put(byte_group(power(t), power(t + 1), power(t + 2), power(t + 3)));
    if (t < keys) {
      const VI none = hn::Zero(di);
      put(byte_group(power(t), t + 1 < keys ? power(t + 1) : none, t + 2 < keys ? power(t + 2) : none, none));
    }
    follow_block(b, i, largest, hn::ConvertTo(d, hn::BitCast(di, sum)), f);
  }
}

template <template <bool> class Product>
struct Int8 {
  using KeyProduct = Product<true>;
  using ValueProduct = Product<false>;
  static constexpr std::int64_t kGroup = 4, kKeyBlock = 112;
  static void round_queries(const QueryBlock& b, std::int64_t width, const float* units, float* factors) {
    round_int8_queries(b, width, units, factors);
  }
  static void exponentiate(const QueryBlock& b, std::int64_t keys, const float* factors,
                           const BlockFactors& f) {
    exponentiate_int8<ValueProduct>(b, keys, factors, f);
  }
  static void finish(const Attention& a, const QueryBlock& b, const float* units, std::int64_t batch,
                     std::int64_t head) {
    finish_block(a, b, units + 2 * a.width, units + 3 * a.width, batch, head);
  }
};

void attend_int8_impl(const Attention& a, const HeadRows& rows, std::int64_t batch, std::int64_t head,
                      std::int64_t block) {
  const DenormalsAreZero mode;
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
  if (a.integers == IntegerForm::kDots) return attend_integers<Int8<ByteDots>>(a, rows, batch, head, block);
#endif
  attend_integers<Int8<PlainBytes>>(a, rows, batch, head, block);
}

/// Least values and steps of channels, their means, and their variances in squares of steps.
void find_steps(const HeadMatrix& x, const ByteSteps& found, float* means, float* variances) {
  const F d;
  for_each_strip(x.width, [&](std::int64_t column, auto load, auto store) HWY_ATTR {
    const float* strip = x.data + column;
    const V first = load(strip), zero = hn::Zero(d);
    V low = first, high = first, sum = zero, squares = zero;
    for (std::int64_t t = 0; t < x.rows; ++t) {
      if (column == 0) prefetch_ahead(x, t);
      const V v = load(strip + t * x.row_stride), off = hn::Sub(v, first);
      low = hn::Min(low, v), high = hn::Max(high, v);
      sum = hn::Add(sum, off), squares = hn::MulAdd(off, off, squares);
    }
    const V share = hn::Set(d, 1 / static_cast<float>(x.rows)), mean = hn::Mul(sum, share);
    const V range = hn::Max(hn::Sub(high, low), hn::Set(d, kLeastRange));
    // Least and greatest may lose what is no number; times zero it stays.
    const V step = hn::MulAdd(squares, zero, hn::Mul(range, hn::Set(d, 1 / kSteps)));
    const V variance = hn::Max(hn::NegMulAdd(mean, mean, hn::Mul(squares, share)), zero);
    store(low, found.starts + column);
    store(step, found.steps + column);
    store(hn::Add(first, mean), means + column);
    store(hn::Div(hn::Div(variance, step), step), variances + column);
  });
}

float find_key_steps_impl(const HeadMatrix& queries, const HeadMatrix& keys, const ByteSteps& found) {
  const F d;
  float *means = thread_scratch(2 * keys.width, 0), *variances = means + keys.width;
  find_steps(keys, found, means, variances);
  float variance = 0;
  for (std::int64_t i = 0; i < keys.width; ++i) variance += variances[i];
  float most_squares = 0, nothing = variance * 0.0f;
  for (std::int64_t t = 0; t < queries.rows; ++t) {
    prefetch_ahead(queries, t);
    const float* row = queries.data + t * queries.row_stride;
    V most = hn::Zero(d), squares = most;
    for_each_strip(queries.width, [&](std::int64_t column, auto load, auto) HWY_ATTR {
      const V x = hn::Mul(load(row + column), load(found.steps + column));
      most = hn::Max(most, hn::Abs(x));
      squares = hn::MulAdd(x, x, squares);
    });
    const float query_step = hn::GetLane(hn::MaxOfLanes(d, most)) / kQuerySteps;
    const float both = hn::GetLane(hn::SumOfLanes(d, squares)) + query_step * query_step * variance;
    most_squares = std::max(most_squares, both);
    nothing += both * 0.0f;
  }
  // What is rounded to steps is off by a twelfth of a step's square.
  return score_scale(keys.width) * std::sqrt(most_squares / 12) + nothing;
}

float find_value_steps_impl(const HeadMatrix& values, const ByteSteps& found) {
  const F d;
  float *means = thread_scratch(2 * values.width, 0), *deviations = means + values.width;
  find_steps(values, found, means, deviations);
  // Mean deviations: one value far from all others, which makes steps wide, must not make them seem small.
  for_each_strip(values.width, [&](std::int64_t column, auto load, auto store) HWY_ATTR {
    const V mean = load(means + column);
    V sum = hn::Zero(d);
    for (std::int64_t t = 0; t < values.rows; ++t)
      sum = hn::Add(sum, hn::Abs(hn::Sub(load(values.data + t * values.row_stride + column), mean)));
    store(hn::Mul(sum, hn::Set(d, 1 / static_cast<float>(values.rows))), deviations + column);
  });
  constexpr float kNormalDeviation = 1.2533f;  // of a normal distribution, √(π/2) times the mean deviation
  float error = 0;
  for (std::int64_t i = 0; i < values.width; ++i) {
    // Signed bytes lie around what is 128 steps above the least.
    found.starts[i] += 128 * found.steps[i];
    const float relative = found.steps[i] / std::max(kNormalDeviation * deviations[i], kLeastRange);
    error += relative * relative;
  }
  return std::sqrt(error / (12 * static_cast<float>(values.width)));
}

void pack_int8_keys_impl(const HeadMatrix& keys, const ByteSteps& s, float* to) {
  const hn::Rebind<std::uint8_t, I> d8;
  const std::int64_t groups = (keys.width + 3) / 4;
  float* scales = thread_scratch(keys.width, 0);
  for (std::int64_t i = 0; i < keys.width; ++i) scales[i] = 1 / s.steps[i];
  for (std::int64_t t = 0; t < keys.rows; ++t) {
    const float* row = keys.data + t * keys.row_stride;
    auto* out = reinterpret_cast<std::uint8_t*>(to + t * groups);
    HWY_ALIGN std::uint8_t part[HWY_MAX_BYTES / sizeof(float)];
    for_each_strip(keys.width, [&](std::int64_t column, auto load, auto) HWY_ATTR {
      const V off = hn::Sub(load(row + column), load(s.starts + column));
      const VI rounded = hn::NearestInt(hn::Mul(off, load(scales + column)));
      hn::StoreU(hn::DemoteTo(d8, rounded), d8, part);
      const auto count = std::min<std::int64_t>(static_cast<std::int64_t>(lanes()), keys.width - column);
      std::copy_n(part, count, out + column);
    });
    std::fill(out + keys.width, out + 4 * groups, std::uint8_t{0});
  }
}

void pack_int8_values_impl(const HeadMatrix& values, const ByteSteps& s, float* to) {
  const F d;
  for_each_strip(values.width, [&](std::int64_t column, auto load, auto store) HWY_ATTR {
    const V start = load(s.starts + column), scale = hn::Div(hn::Set(d, 1.0f), load(s.steps + column));
    const auto rounded = [&](std::int64_t t) HWY_ATTR {
      if (t >= values.rows) return hn::Zero(I());
      const V off = hn::Sub(load(values.data + t * values.row_stride + column), start);
      // Between −128 and 127 but for what rounding adds.
      return hn::NearestInt(hn::Clamp(hn::Mul(off, scale), hn::Set(d, -128.0f), hn::Set(d, 127.0f)));
    };
    float* out = to + column;
    for (std::int64_t t = 0; t < values.rows; t += 4, out += values.width)
      store(signed_group(rounded(t), rounded(t + 1), rounded(t + 2), rounded(t + 3)), out);
  });
}

}  // namespace san::native::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace san::native {

HWY_EXPORT(attend_int8_impl);
HWY_EXPORT(find_key_steps_impl);
HWY_EXPORT(find_value_steps_impl);
HWY_EXPORT(pack_int8_keys_impl);
HWY_EXPORT(pack_int8_values_impl);

float find_key_steps(const HeadMatrix& queries, const HeadMatrix& keys, const ByteSteps& found) {
  return HWY_DYNAMIC_DISPATCH(find_key_steps_impl)(queries, keys, found);
}

float find_value_steps(const HeadMatrix& values, const ByteSteps& found) {
  return HWY_DYNAMIC_DISPATCH(find_value_steps_impl)(values, found);
}

void pack_int8_keys(const HeadMatrix& keys, const ByteSteps& steps, float* to) {
  HWY_DYNAMIC_DISPATCH(pack_int8_keys_impl)(keys, steps, to);
}

void pack_int8_values(const HeadMatrix& values, const ByteSteps& steps, float* to) {
  HWY_DYNAMIC_DISPATCH(pack_int8_values_impl)(values, steps, to);
}

void attend_int8(const Attention& a, const HeadRows& rows, std::int64_t batch, std::int64_t head,
                 std::int64_t block) {
  HWY_DYNAMIC_DISPATCH(attend_int8_impl)(a, rows, batch, head, block);
}

}  // namespace san::native
#endif
