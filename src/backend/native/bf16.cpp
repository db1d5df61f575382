#include "backend/native/bf16.h"

#include "backend/native/amx.h"
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

/// Bit i: whether the instruction set, and beyond it this processor, has form i.
unsigned bf16_forms_impl() {
  const auto bit = [](Bf16Form form) { return 1u << static_cast<int>(form); };
  unsigned forms = bit(Bf16Form::kFloats) | bit(Bf16Form::kPlainTiles);
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  if (__builtin_cpu_supports("avx512bf16")) forms |= bit(Bf16Form::kDots);
  if (amx_is_usable()) forms |= bit(Bf16Form::kAmx);
#endif
  return forms;
}

void round_rows(const float* x, std::int64_t stride, std::int64_t depth, float* to, std::int64_t begin,
                std::int64_t end) {
  const hn::Rebind<std::uint16_t, F> half;
  const auto n = static_cast<std::int64_t>(lanes());
  for (std::int64_t r = begin; r < end; ++r) {
    const float* from = x + r * stride;
    auto* out = reinterpret_cast<std::uint16_t*>(to + r * row_pairs(depth));
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

HWY_EXPORT(bf16_forms_impl);
HWY_EXPORT(round_rows);

std::vector<Bf16Form> bf16_forms() {
  const unsigned has = HWY_DYNAMIC_DISPATCH(bf16_forms_impl)();
  std::vector<Bf16Form> forms;
  for (const Bf16Form form : {Bf16Form::kAmx, Bf16Form::kDots, Bf16Form::kFloats, Bf16Form::kPlainTiles})
    if (has >> static_cast<int>(form) & 1u) forms.push_back(form);
  return forms;
}

bool bf16_is_multiplied() {
  return bf16_forms().front() < Bf16Form::kFloats;
}

void round_to_bf16(const float* x, std::int64_t stride, std::int64_t depth, float* to, std::int64_t begin,
                   std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(round_rows)(x, stride, depth, to, begin, end);
}

}  // namespace san::native
#endif
