// Rounding to bfloat16; included once per target.
#if defined(SAN_NATIVE_BF16_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef SAN_NATIVE_BF16_INL
#undef SAN_NATIVE_BF16_INL
#else
#define SAN_NATIVE_BF16_INL
#endif

#include "backend/native/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace san::native::HWY_NAMESPACE {

/// The bits of v rounded to bfloat16 (nearest, ties to even) in the upper halves of its lanes.
HWY_INLINE hn::Vec<U> rounded_bits(V v) {
  const U u;
  const hn::Vec<U> bits = hn::BitCast(u, v);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(u, 1));
  const auto rounded = hn::Add(bits, hn::Add(odd, hn::Set(u, 0x7fff)));
  // Rounded up, what is no number could become one.
  const auto kept = hn::Or(bits, hn::Set(u, 0x400000));
  return hn::And(hn::IfThenElse(hn::RebindMask(u, hn::Eq(v, v)), rounded, kept), hn::Set(u, 0xffff0000u));
}

/// One pair a lane: `first` in the lower halves, `second` in the upper ones.
HWY_INLINE V bf16_pair(V first, V second) {
  return hn::BitCast(F(), hn::Or(hn::ShiftRight<16>(rounded_bits(first)), rounded_bits(second)));
}

}  // namespace san::native::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
