#include "backend/native/attention_rows.h"

#include <algorithm>
#include <cmath>

#include "backend/native/hwy_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/native/attention_rows.cpp"
#include <hwy/foreach_target.h>
// foreach_target must come before:
#include <hwy/highway.h>

#include "backend/native/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace san::native::HWY_NAMESPACE {

HWY_INLINE void store(V v, float* to) {
  hn::StoreU(v, F(), to);
}
// Rounded to nearest even; finite values only.
HWY_INLINE void store(V v, std::uint16_t* to) {
  const hn::RebindToUnsigned<F> u;
  const hn::Rebind<std::uint16_t, F> half;
  const auto bits = hn::BitCast(u, v);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(u, 1));
  const auto rounded = hn::ShiftRight<16>(hn::Add(hn::Add(bits, hn::Set(u, 0x7fff)), odd));
  hn::StoreU(hn::DemoteTo(half, hn::BitCast(I(), rounded)), half, to);
}

template <class T>
HWY_INLINE void store_first(V v, T* to, std::int64_t count) {
  HWY_ALIGN T values[HWY_MAX_BYTES / sizeof(float)];
  store(v, values);
  std::copy_n(values, count, to);
}

template <class T>
void numerators(const ScoreRows& s, T* out, float* totals, float* log_sums) {
  const F d;
  const auto n = static_cast<std::int64_t>(lanes());
  const V scale = hn::Set(d, s.scale);
  for (std::int64_t r = 0; r < s.rows; ++r) {
    const float* row = s.scores + r * s.columns;
    T* to = out + r * s.columns;
    const std::int64_t count = s.visible(r), whole = count / n * n;
    // Maxima and the exponential lose a NaN; times zero it stays, and an infinity becomes one.
    V top = hn::Set(d, row[0]), poison = hn::Zero(d);
    for (std::int64_t c = 0; c < whole; c += n) {
      const V score = hn::LoadU(d, row + c);
      top = hn::Max(top, score);
      poison = hn::MulAdd(score, hn::Zero(d), poison);
    }
    float most = hn::GetLane(hn::MaxOfLanes(d, top)), total = hn::GetLane(hn::SumOfLanes(d, poison));
    for (std::int64_t c = whole; c < count; ++c) most = std::max(most, row[c]), total += 0.0f * row[c];
    most *= s.scale;
    const V shift = hn::Set(d, -most);
    V sum = hn::Zero(d);
    for (std::int64_t c = 0; c < whole; c += n) {
      const V e = exp2(hn::MulAdd(hn::LoadU(d, row + c), scale, shift));
      sum = hn::Add(sum, e);
      store(e, to + c);
    }
    total += hn::GetLane(hn::SumOfLanes(d, sum));
    if (const std::int64_t rest = count - whole; rest > 0) {
      const V e = exp2(hn::MulAdd(load_part(row + whole, static_cast<std::size_t>(rest)), scale, shift));
      HWY_ALIGN float values[HWY_MAX_BYTES / sizeof(float)];
      hn::Store(e, d, values);
      for (std::int64_t c = 0; c < rest; ++c) total += values[c];
      store_first(e, to + whole, rest);
    }
    std::fill(to + count, to + s.columns, T(0));
    totals[r] = total;
    log_sums[r] = most + std::log2(total);
  }
}

template <class T>
void gradients(const ScoreRows& s, const float* log_sums, const float* dp, const float* delta, T* p, T* ds) {
  const F d;
  const auto n = static_cast<std::int64_t>(lanes());
  const V scale = hn::Set(d, s.scale);
  for (std::int64_t r = 0; r < s.rows; ++r) {
    const float* row = s.scores + r * s.columns;
    const float* gradient = dp + r * s.columns;
    T *to = p + r * s.columns, *back = ds + r * s.columns;
    const std::int64_t count = s.visible(r), whole = count / n * n;
    const V shift = hn::Set(d, -log_sums[r]), mean = hn::Set(d, delta[r]);
    const auto probability = [&](V score) HWY_ATTR {
      return exp2(hn::Min(hn::MulAdd(score, scale, shift), hn::Zero(d)));
    };
    for (std::int64_t c = 0; c < whole; c += n) {
      const V q = probability(hn::LoadU(d, row + c));
      const V g = hn::Mul(q, hn::Sub(hn::LoadU(d, gradient + c), mean));
      store(q, to + c);
      store(g, back + c);
    }
    if (const std::int64_t rest = count - whole; rest > 0) {
      const auto lanes_left = static_cast<std::size_t>(rest);
      const V q = probability(load_part(row + whole, lanes_left));
      const V g = hn::Mul(q, hn::Sub(load_part(gradient + whole, lanes_left), mean));
      store_first(q, to + whole, rest);
      store_first(g, back + whole, rest);
    }
    std::fill(to + count, to + s.columns, T(0));
    std::fill(back + count, back + s.columns, T(0));
  }
}

void numerators_f32(const ScoreRows& s, float* out, float* totals, float* log_sums) {
  numerators(s, out, totals, log_sums);
}
void numerators_bf16(const ScoreRows& s, std::uint16_t* out, float* totals, float* log_sums) {
  numerators(s, out, totals, log_sums);
}
void gradients_f32(const ScoreRows& s, const float* log_sums, const float* dp, const float* delta, float* p,
                   float* ds) {
  gradients(s, log_sums, dp, delta, p, ds);
}
void gradients_bf16(const ScoreRows& s, const float* log_sums, const float* dp, const float* delta,
                    std::uint16_t* p, std::uint16_t* ds) {
  gradients(s, log_sums, dp, delta, p, ds);
}

}  // namespace san::native::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace san::native {

HWY_EXPORT(numerators_f32);
HWY_EXPORT(numerators_bf16);
HWY_EXPORT(gradients_f32);
HWY_EXPORT(gradients_bf16);

void softmax_numerators(const ScoreRows& s, float* out, float* totals, float* log_sums) {
  HWY_DYNAMIC_DISPATCH(numerators_f32)(s, out, totals, log_sums);
}

void softmax_numerators(const ScoreRows& s, std::uint16_t* out, float* totals, float* log_sums) {
  HWY_DYNAMIC_DISPATCH(numerators_bf16)(s, out, totals, log_sums);
}

void softmax_gradients(const ScoreRows& s, const float* log_sums, const float* dp, const float* delta,
                       float* p, float* ds) {
  HWY_DYNAMIC_DISPATCH(gradients_f32)(s, log_sums, dp, delta, p, ds);
}

void softmax_gradients(const ScoreRows& s, const float* log_sums, const float* dp, const float* delta,
                       std::uint16_t* p, std::uint16_t* ds) {
  HWY_DYNAMIC_DISPATCH(gradients_bf16)(s, log_sums, dp, delta, p, ds);
}

}  // namespace san::native
#endif
