#include "backend/native/param_floats.h"

#include <algorithm>

#include "backend/native/hwy_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/native/param_floats.cpp"
#include <hwy/foreach_target.h>
// foreach_target must come before:
#include <hwy/highway.h>

#include "backend/native/halves-inl.h"

#if HWY_ONCE
namespace san::native {

HWY_EXPORT(halves_to_floats);

const std::byte* selected_rows(const Param& param) {
  const HostArray& value = param.value;
  const std::int64_t begin = param.row_begin == 0 ? 0 : param.row_begin * (value.elements() / value.shape[0]);
  return value.data.get() + begin * dtype_bytes(value.dtype);
}

ParamFloats param_floats(const Param& param, BufferPool& buffers, ThreadPool& pool) {
  const HostArray& value = param.value;
  const std::int64_t count = param.shape().elements();
  const std::byte* from = selected_rows(param);
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
