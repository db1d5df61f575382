#include "backend/native/param_floats.h"

#include <algorithm>
#include <cstring>

#include "backend/native/hwy_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/native/param_floats.cpp"
#include <hwy/foreach_target.h>
// foreach_target must come before:
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace san::native::HWY_NAMESPACE {

void halves_to_floats(const std::byte* from, std::int64_t count, float* to) {
  std::int64_t i = 0;
// Where no instruction converts, Highway's substitute knows no infinities.
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

#if HWY_ONCE
namespace san::native {

HWY_EXPORT(halves_to_floats);

ParamFloats param_floats(const Param& param, BufferPool& buffers, ThreadPool& pool) {
  const HostArray& value = param.value;
  const std::int64_t count = param.shape().elements();
  const std::int64_t begin = param.row_begin == 0 ? 0 : param.row_begin * (value.elements() / value.shape[0]);
  const std::byte* from = value.data.get() + begin * dtype_bytes(value.dtype);
  if (value.dtype == DType::kF32) return {reinterpret_cast<const float*>(from), value.data};
  const BufferPtr memory = buffers.acquire(count);
  float* to = memory.get();
  if (value.dtype == DType::kF16) {
    constexpr std::int64_t kPart = 1 << 16;
    pool.parallel_for((count + kPart - 1) / kPart, 1, [&](std::int64_t first, std::int64_t last) {
      const std::int64_t at = first * kPart, end = std::min(count, last * kPart);
      HWY_DYNAMIC_DISPATCH(halves_to_floats)(from + 2 * at, end - at, to + at);
    });
  } else {
    const std::vector<float> values = param.f32();
    std::copy(values.begin(), values.end(), to);
  }
  return {to, memory};
}

}  // namespace san::native
#endif
