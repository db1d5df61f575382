#include "backend/native/param_rows.h"

#include <algorithm>

#include "backend/native/buffer.h"
#include "backend/native/hwy_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/native/param_rows.cpp"
#include <hwy/foreach_target.h>
// foreach_target must come before:
#include <hwy/highway.h>

#include "backend/native/halves-inl.h"

#if HWY_ONCE
namespace san::native {
namespace {

constexpr int kStoredSlot = 1, kFloatsSlot = 2;

}  // namespace

HWY_EXPORT(halves_to_floats);

const std::byte* ParamRows::stored(std::int64_t begin, std::int64_t end) const {
  begin += param_.row_begin, end += param_.row_begin;
  const std::int64_t row = param_.row_bytes();
  if (!param_.read) return param_.value.data.get() + begin * row;
  const auto floats = static_cast<std::int64_t>(sizeof(float));
  auto* memory =
      reinterpret_cast<std::byte*>(thread_scratch(((end - begin) * row + floats - 1) / floats, kStoredSlot));
  param_.read(begin, end, memory);
  return memory;
}

const float* ParamRows::floats(std::int64_t begin, std::int64_t end) const {
  const std::byte* from = stored(begin, end);
  const DType dtype = param_.value.dtype;
  if (dtype == DType::kF32) return reinterpret_cast<const float*>(from);
  const std::int64_t count = (end - begin) * param_.row_bytes() / dtype_bytes(dtype);
  float* to = thread_scratch(count, kFloatsSlot);
  if (dtype == DType::kF16) {
    HWY_DYNAMIC_DISPATCH(halves_to_floats)(from, count, to);
  } else {
    const HostArray rows{dtype, {count}, {std::shared_ptr<const void>(), from}};
    std::ranges::copy(rows.to_f32(), to);
  }
  return to;
}

}  // namespace san::native
#endif
