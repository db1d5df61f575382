#include "backend/native/bf16.h"

#include "backend/native/hwy_targets.h"
#include "tensor/host_array.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/native/bf16.cpp"
#include <hwy/foreach_target.h>
// foreach_target must come before:
#include <hwy/highway.h>

#include "backend/native/bf16-inl.h"

HWY_BEFORE_NAMESPACE();
namespace san::native::HWY_NAMESPACE {

bool bf16_is_multiplied_impl() {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  return __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

void round_rows(const float* x, std::int64_t stride, std::int64_t depth, float* to, std::int64_t begin,
                std::int64_t end) {
  const hn::Rebind<std::uint16_t, F> half;
  const auto n = static_cast<std::int64_t>(lanes());
  for (std::int64_t r = begin; r < end; ++r) {
    const float* from = x + r * stride;
    auto* out = reinterpret_cast<std::uint16_t*>(to + r * bf16_pairs(depth));
    std::int64_t i = 0;
    for (; i + n <= depth; i += n) {
      const auto bits = hn::ShiftRight<16>(rounded_bits(hn::LoadU(F(), from + i)));
      hn::StoreU(hn::DemoteTo(half, hn::BitCast(I(), bits)), half, out + i);
    }
    for (; i < depth; ++i) out[i] = float_to_bfloat16(from[i]);
    if (depth % 2 != 0) out[depth] = 0;
  }
}

}  // namespace san::native::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace san::native {

HWY_EXPORT(bf16_is_multiplied_impl);
HWY_EXPORT(round_rows);

bool bf16_is_multiplied() {
  return HWY_DYNAMIC_DISPATCH(bf16_is_multiplied_impl)();
}

void round_to_bf16(const float* x, std::int64_t stride, std::int64_t depth, float* to, std::int64_t begin,
                   std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(round_rows)(x, stride, depth, to, begin, end);
}

}  // namespace san::native
#endif
