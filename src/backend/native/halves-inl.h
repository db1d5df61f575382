// float16 as float32; included once per target.
#if defined(SAN_NATIVE_HALVES_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef SAN_NATIVE_HALVES_INL
#undef SAN_NATIVE_HALVES_INL
#else
#define SAN_NATIVE_HALVES_INL
#endif

#include <hwy/highway.h>

#include <cstdint>
#include <cstring>

#include "tensor/host_array.h"

HWY_BEFORE_NAMESPACE();
namespace san::native::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Whether an instruction converts them: Highway's substitute is slow, and knows no infinities.
constexpr bool kConvertsHalves = (HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2) || HWY_ARCH_ARM_A64;

inline float half_at(const std::byte* from) {
  std::uint16_t bits;
  std::memcpy(&bits, from, sizeof bits);
  return half_to_float(bits);
}

/// As many as a vector has lanes.
HWY_INLINE hn::Vec<hn::ScalableTag<float>> halves_vector(const std::byte* from) {
  const hn::ScalableTag<float> d;
#if (HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2) || HWY_ARCH_ARM_A64
  const hn::Rebind<hwy::float16_t, decltype(d)> dh;
  HWY_ALIGN hwy::float16_t part[HWY_MAX_BYTES / sizeof(float)];
  std::memcpy(part, from, 2 * hn::Lanes(d));
  return hn::PromoteTo(d, hn::Load(dh, part));
#else
  HWY_ALIGN float part[HWY_MAX_BYTES / sizeof(float)];
  for (std::size_t i = 0; i < hn::Lanes(d); ++i) part[i] = half_at(from + 2 * i);
  return hn::Load(d, part);
#endif
}

inline void halves_to_floats(const std::byte* from, std::int64_t count, float* to) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(halves_vector(from + 2 * i), d, to + i);
  for (; i < count; ++i) to[i] = half_at(from + 2 * i);
}

}  // namespace san::native::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
