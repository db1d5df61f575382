// Vector functions of every kernel; included once per target.
#if defined(SAN_NATIVE_MATH_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef SAN_NATIVE_MATH_INL
#undef SAN_NATIVE_MATH_INL
#else
#define SAN_NATIVE_MATH_INL
#endif

#include <hwy/highway.h>

#include "backend/types.h"
#include "simd/exponential-inl.h"

HWY_BEFORE_NAMESPACE();
namespace san::native::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using F = hn::ScalableTag<float>;
using I = hn::RebindToSigned<F>;
using U = hn::RebindToUnsigned<F>;
using V = hn::Vec<F>;

HWY_INLINE std::size_t lanes() {
  return hn::Lanes(F());
}

/// x, at least −126, as n + r with n the nearest integer and |r| ≤ 1/2; then 2^n · p.
struct PowerOfTwo {
  explicit HWY_INLINE PowerOfTwo(V x) {
    const F d;
    x = hn::Max(x, hn::Set(d, -126.0f));
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
    n = hn::Round(x);
    r = hn::Sub(x, n);
#else
    x = hn::Min(x, hn::Set(d, 127.0f));
    // Adding 1.5·2^23 leaves the nearest integer in the low bits, all that survives the shift to the
    // exponent.
    const V magic = hn::Set(d, 12582912.0f);
    n = hn::Add(x, magic);
    r = hn::Sub(x, hn::Sub(n, magic));
#endif
  }
  HWY_INLINE V times(V p) const {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
    return V{_mm512_scalef_ps(p.raw, n.raw)};
#else
    const I i;
    return hn::BitCast(F(), hn::Add(hn::BitCast(i, p), hn::ShiftLeft<23>(hn::BitCast(i, n))));
#endif
  }
  V n, r;
};

/// 2^x, relative error 3e-8 before rounding; below 2^-126 it stays at 2^-126, above 2^127 at that or
/// infinity.
HWY_INLINE V exp2(V x) {
  const F d;
  const PowerOfTwo power(x);
  const V r = power.r;
  // Pairs of terms at once: six steps after one another would take longer than what they compute.
  const V high = hn::MulAdd(r, hn::Set(d, 0.0001546261046314612f), hn::Set(d, 0.0013401774922385812f));
  const V middle = hn::MulAdd(r, hn::Set(d, 0.009618054144084454f), hn::Set(d, 0.0555032379925251f));
  const V low = hn::MulAdd(r, hn::Set(d, 0.24022650718688965f), hn::Set(d, 0.6931471824645996f));
  const V square = hn::Mul(r, r);
  const V p = hn::MulAdd(hn::MulAdd(high, square, middle), square, low);
  return power.times(hn::MulAdd(p, r, hn::Set(d, 1.0f)));
}

/// The same to a relative error of 5e-8, by a table where an instruction reads one; below 2^-126 it may be
/// smaller.
HWY_INLINE V quick_exp2(V x) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  const F d;
  /// 2^(i/32)
  HWY_ALIGN static constexpr float kRoots[32] = {1.0f,
                                                 1.0218971967697144f,
                                                 1.0442737340927124f,
                                                 1.0671404600143433f,
                                                 1.0905077457427979f,
                                                 1.114386796951294f,
                                                 1.1387885808944702f,
                                                 1.1637248992919922f,
                                                 1.1892070770263672f,
                                                 1.215247392654419f,
                                                 1.2418577671051025f,
                                                 1.2690509557724f,
                                                 1.2968395948410034f,
                                                 1.3252366781234741f,
                                                 1.3542555570602417f,
                                                 1.3839099407196045f,
                                                 1.4142135381698608f,
                                                 1.4451807737350464f,
                                                 1.4768261909484863f,
                                                 1.5091644525527954f,
                                                 1.5422108173370361f,
                                                 1.5759809017181396f,
                                                 1.610490322113037f,
                                                 1.6457555294036865f,
                                                 1.6817928552627563f,
                                                 1.7186193466186523f,
                                                 1.7562521696090698f,
                                                 1.7947090864181519f,
                                                 1.8340080976486206f,
                                                 1.8741676807403564f,
                                                 1.9152065515518188f,
                                                 1.9571441411972046f};
  // Adding 1.5·2^18 leaves the nearest multiple of 1/32 in the low bits, of which the table takes five.
  const V magic = hn::Set(d, 393216.0f);
  const V sum = hn::Add(x, magic);
  const V n = hn::Sub(sum, magic), r = hn::Sub(x, n);
  const V low = hn::Load(d, kRoots), high = hn::Load(d, kRoots + 16);
  const V root{_mm512_permutex2var_ps(low.raw, _mm512_castps_si512(sum.raw), high.raw)};
  const V power{_mm512_scalef_ps(root.raw, n.raw)};
  const V p = hn::Mul(hn::MulAdd(r, hn::Set(d, 0.24022650718688965f), hn::Set(d, 0.6931573152542114f)), r);
  return hn::MulAdd(power, p, power);
#else
  return exp2(x);
#endif
}

/// 2^x with a relative error of 8e-5, a 26th of the rounding to bfloat16 that may follow; below 2^-126 it may
/// be smaller.
HWY_INLINE V rough_exp2(V x) {
  const F d;
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  // One instruction takes what is above the whole number below, the other that number.
  constexpr int kAboveFloor = 0x09;
  const V r{_mm512_reduce_ps(x.raw, kAboveFloor)};
  V p = hn::MulAdd(r, hn::Set(d, 0.0780245215f), hn::Set(d, 0.226067156f));
  p = hn::MulAdd(p, r, hn::Set(d, 0.695833504f));
  p = hn::MulAdd(p, r, hn::Set(d, 0.999925196f));
  return V{_mm512_scalef_ps(p.raw, x.raw)};
#else
  const PowerOfTwo power(x);
  V p = hn::MulAdd(power.r, hn::Set(d, 0.0551716685295105f), hn::Set(d, 0.2426111251115799f));
  p = hn::MulAdd(p, power.r, hn::Set(d, 0.6932609677314758f));
  return power.times(hn::MulAdd(p, power.r, hn::Set(d, 0.9999280571937561f)));
#endif
}

/// While it lives, numbers below 2^-126 are zero to this thread where they would slow it down.
class DenormalsAreZero {
 public:
  DenormalsAreZero(const DenormalsAreZero&) = delete;
  DenormalsAreZero& operator=(const DenormalsAreZero&) = delete;
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  DenormalsAreZero() {
    _mm_setcsr(before_ | _MM_FLUSH_ZERO_ON | kDenormalsAreZero);
  }
  ~DenormalsAreZero() {
    _mm_setcsr(before_);
  }

 private:
  static constexpr unsigned kDenormalsAreZero = 0x40;
  const unsigned before_ = _mm_getcsr();
#else
  DenormalsAreZero() {}
#endif
};

/// e^x to about two roundings for every x whose result is a normal number; clamped beyond.
HWY_INLINE V exp(V x) {
  const F d;
  return simd::HWY_NAMESPACE::exponential(d, hn::Min(hn::Max(x, hn::Set(d, -87.3f)), hn::Set(d, 88.37f)));
}

/// 1 / x for x from 1 to 3e38, relative error 4e-9 before rounding where a quotient takes longer.
HWY_INLINE V reciprocal(V x) {
  const F d;
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  const V near = V{_mm512_rcp14_ps(x.raw)};
  return hn::Mul(near, hn::NegMulAdd(x, near, hn::Set(d, 2.0f)));
#else
  return hn::Div(hn::Set(d, 1.0f), x);
#endif
}

/// Rational fit on |z| ≤ 4, absolute error 4e-8 before rounding.
HWY_INLINE V erf(V z) {
  const F d;
  z = hn::Min(hn::Max(z, hn::Set(d, -4.0f)), hn::Set(d, 4.0f));
  const V u = hn::Mul(z, z);
  V p = hn::MulAdd(u, hn::Set(d, -1.4254958990989053e-08f), hn::Set(d, 4.901692136627389e-06f));
  p = hn::MulAdd(p, u, hn::Set(d, 0.00038993818452581763f));
  p = hn::MulAdd(p, u, hn::Set(d, 0.003916794899851084f));
  p = hn::MulAdd(p, u, hn::Set(d, 0.05461936444044113f));
  p = hn::MulAdd(p, u, hn::Set(d, 0.18600240349769592f));
  p = hn::MulAdd(p, u, hn::Set(d, 1.1283791065216064f));
  V q = hn::MulAdd(u, hn::Set(d, 6.532674888148904e-05f), hn::Set(d, 0.001336751040071249f));
  q = hn::MulAdd(q, u, hn::Set(d, 0.015616207383573055f));
  q = hn::MulAdd(q, u, hn::Set(d, 0.11446501314640045f));
  q = hn::MulAdd(q, u, hn::Set(d, 0.4981728792190552f));
  q = hn::MulAdd(q, u, hn::Set(d, 1.0f));
  return hn::Mul(hn::Mul(z, p), reciprocal(q));
}

HWY_INLINE V sigmoid(V x) {
  return reciprocal(hn::Add(hn::Set(F(), 1.0f), exp(hn::Neg(x))));
}

template <Activation kind>
HWY_INLINE V activated(V x) {
  const F d;
  if constexpr (kind == Activation::kRelu) return hn::Max(x, hn::Zero(d));
  if constexpr (kind == Activation::kGelu) {
    const V half = hn::Mul(x, hn::Set(d, 0.5f));
    return hn::MulAdd(half, erf(hn::Mul(x, hn::Set(d, 0.70710678f))), half);
  }
  if constexpr (kind == Activation::kQuickGelu) return hn::Mul(x, sigmoid(hn::Mul(x, hn::Set(d, 1.702f))));
  if constexpr (kind == Activation::kSigmoid) return sigmoid(x);
  if constexpr (kind == Activation::kExp) return exp(x);
  if constexpr (kind == Activation::kInverseNorm)
    return hn::Div(hn::Set(d, 1.0f), hn::Max(hn::Sqrt(x), hn::Set(d, 1e-12f)));
  return x;
}

/// Calls body(std::integral_constant<Activation, kind>): one loop per kind instead of a switch per vector.
template <class Body>
HWY_INLINE void with_activation(Activation kind, Body&& body) {
  switch (kind) {
    case Activation::kNone:
      return body(std::integral_constant<Activation, Activation::kNone>());
    case Activation::kRelu:
      return body(std::integral_constant<Activation, Activation::kRelu>());
    case Activation::kGelu:
      return body(std::integral_constant<Activation, Activation::kGelu>());
    case Activation::kQuickGelu:
      return body(std::integral_constant<Activation, Activation::kQuickGelu>());
    case Activation::kSigmoid:
      return body(std::integral_constant<Activation, Activation::kSigmoid>());
    case Activation::kExp:
      return body(std::integral_constant<Activation, Activation::kExp>());
    case Activation::kInverseNorm:
      return body(std::integral_constant<Activation, Activation::kInverseNorm>());
  }
}

/// The last, partial vector of n values at p; lanes beyond n are zero. Nothing beyond n is touched, which
/// Highway promises only where the instruction set has masks.
HWY_INLINE V load_part(const float* p, std::size_t n) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
  return hn::MaskedLoad(hn::FirstN(F(), n), F(), p);
#else
  HWY_ALIGN float whole[HWY_MAX_BYTES / sizeof(float)] = {};
  for (std::size_t i = 0; i < n; ++i) whole[i] = p[i];
  return hn::Load(F(), whole);
#endif
}
HWY_INLINE void store_part(V v, float* p, std::size_t n) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
  hn::BlendedStore(v, hn::FirstN(F(), n), F(), p);
#else
  HWY_ALIGN float whole[HWY_MAX_BYTES / sizeof(float)] = {};
  hn::Store(v, F(), whole);
  for (std::size_t i = 0; i < n; ++i) p[i] = whole[i];
#endif
}

}  // namespace san::native::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
