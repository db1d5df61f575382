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

/// Whether an instruction converts them: Highway's substitute is slow, and knows no infinities.
constexpr bool kConvertsHalves = (HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2) || HWY_ARCH_ARM_A64;

inline void halves_to_floats(const std::byte* from, std::int64_t count, float* to) {
  std::int64_t i = 0;
#if (HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2) || HWY_ARCH_ARM_A64
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<float> d;
  const hn::Rebind<hwy::float16_t, decltype(d)> dh;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (; i + lanes <= count; i += lanes) {
    HWY_ALIGN hwy::float16_t part[HWY_MAX_BYTES / sizeof(float)];
    std::memcpy(part, from + 2 * i, 2 * static_cast<std::size_t>(lanes));
    hn::StoreU(hn::PromoteTo(d, hn::Load(dh, part)), d, to + i);
  }
#endif
  for (; i < count; ++i) {
    std::uint16_t bits;
    std::memcpy(&bits, from + 2 * i, sizeof bits);
    to[i] = half_to_float(bits);
  }
}

}  // namespace san::native::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
