// e^x of vectors; included once per target.
#if defined(SAN_EXPONENTIAL_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef SAN_EXPONENTIAL_INL
#undef SAN_EXPONENTIAL_INL
#else
#define SAN_EXPONENTIAL_INL
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace san::simd::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// To about two roundings for x in [−87.3, 88.37], where the result is a normal number; anything beyond.
template <class D>
HWY_INLINE hn::Vec<D> exponential(D d, hn::Vec<D> x) {
  const hn::RebindToSigned<D> di;
  const auto n = hn::Round(hn::Mul(x, hn::Set(d, 1.44269504f)));
  // ln 2 in two parts: the first product is exact.
  auto r = hn::NegMulAdd(n, hn::Set(d, 0.693359375f), x);
  r = hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4f), r);
  auto p = hn::MulAdd(r, hn::Set(d, 0.0013942159712314606f), hn::Set(d, 0.008375967852771282f));
  p = hn::MulAdd(p, r, hn::Set(d, 0.041666340082883835f));
  p = hn::MulAdd(p, r, hn::Set(d, 0.16666404902935028f));
  p = hn::MulAdd(p, r, hn::Set(d, 0.5f));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f));
  return hn::BitCast(d, hn::Add(hn::BitCast(di, p), hn::ShiftLeft<23>(hn::ConvertTo(di, n))));
}

}  // namespace san::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
