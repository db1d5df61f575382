// Products of bytes: the register tile in each form; included once per target.
#if defined(SAN_NATIVE_INT8_TILE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef SAN_NATIVE_INT8_TILE_INL
#undef SAN_NATIVE_INT8_TILE_INL
#else
#define SAN_NATIVE_INT8_TILE_INL
#endif

#include <algorithm>
#include <cstring>

#include "backend/native/int8_gemm.h"
#include "backend/native/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace san::native::HWY_NAMESPACE {

using VI = hn::Vec<I>;

/// What is subtracted from the bytes of activations, so that they fit the instruction: sdot takes signed
/// ones.
constexpr std::int32_t kQuadBase = HWY_ARCH_ARM_A64 ? 128 : 0;

// One int32 lane a column: each holds the integers of a group of depths, and dot() adds their products.

/// Two int16 a lane; the zero point has been subtracted from the activations.
struct Pairs {
  static constexpr int kVectors = 3;
  static constexpr int kRows = HWY_TARGET <= HWY_AVX3 ? 8 : 4;
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_SSSE3
  static HWY_INLINE VI dot(VI sum, VI a, VI w) {
    const hn::Repartition<std::int16_t, I> d16;
    VI unused = sum;
    return hn::ReorderWidenMulAccumulate(I(), hn::BitCast(d16, a), hn::BitCast(d16, w), sum, unused);
  }
#endif
};

/// Four bytes a lane, activations unsigned (on ARM less 128, signed), weights signed.
struct Quads {
  static constexpr int kVectors = 3;
  static constexpr int kRows = HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64 ? 8 : 4;
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  static HWY_INLINE VI dot(VI sum, VI a, VI w) {
    asm("vpdpbusd %2, %1, %0" : "+v"(sum.raw) : "v"(a.raw), "v"(w.raw));
    return sum;
  }
#elif HWY_ARCH_X86 && HWY_TARGET == HWY_AVX2
  static HWY_INLINE VI dot(VI sum, VI a, VI w) {
    asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum.raw) : "x"(a.raw), "x"(w.raw));
    return sum;
  }
#elif HWY_ARCH_ARM_A64
  static HWY_INLINE VI dot(VI sum, VI a, VI w) {
    asm(".arch armv8.2-a+crypto+dotprod\n\tsdot %0.4s, %1.16b, %2.16b"
        : "+w"(sum.raw)
        : "w"(a.raw), "w"(w.raw));
    return sum;
  }
#endif
};

struct PortableQuads {
  static constexpr int kVectors = 3, kRows = 4;
  static HWY_INLINE VI dot(VI sum, VI a, VI w) {
    sum = hn::Add(sum, hn::Mul(byte<0>(a), hn::ShiftRight<24>(hn::ShiftLeft<24>(w))));
    sum = hn::Add(sum, hn::Mul(byte<1>(a), hn::ShiftRight<24>(hn::ShiftLeft<16>(w))));
    sum = hn::Add(sum, hn::Mul(byte<2>(a), hn::ShiftRight<24>(hn::ShiftLeft<8>(w))));
    return hn::Add(sum, hn::Mul(byte<3>(a), hn::ShiftRight<24>(w)));
  }
  template <int i>
  static HWY_INLINE VI byte(VI a) {
#if HWY_ARCH_ARM_A64
    return hn::ShiftRight<24>(hn::ShiftLeft<24 - 8 * i>(a));
#else
    return hn::And(hn::ShiftRight<8 * i>(a), hn::Set(I(), 255));
#endif
  }
};

/// sums[r, :] = Σ over the groups of depth; rows beyond `rows` repeat the last one.
template <class Form, int vectors>
HWY_NOINLINE void int8_tile(const std::byte* a, std::int64_t stride, std::int64_t rows, const std::int32_t* w,
                            std::int64_t groups, std::int32_t* sums) {
  const I d;
  const auto n = static_cast<std::int64_t>(lanes());
  const std::byte* from[Form::kRows];
#pragma GCC unroll 16
  for (int r = 0; r < Form::kRows; ++r) from[r] = a + std::min<std::int64_t>(r, rows - 1) * stride;
  VI acc[Form::kRows][vectors];
#pragma GCC unroll 16
  for (int r = 0; r < Form::kRows; ++r)
#pragma GCC unroll 3
    for (int v = 0; v < vectors; ++v) acc[r][v] = hn::Zero(d);
  for (std::int64_t k = 0; k < groups; ++k) {
    VI column[vectors];
#pragma GCC unroll 3
    for (int v = 0; v < vectors; ++v) column[v] = hn::LoadU(d, w + v * n);
#pragma GCC unroll 16
    for (int r = 0; r < Form::kRows; ++r) {
      std::int32_t group;
      std::memcpy(&group, from[r] + 4 * k, sizeof group);
      const VI x = hn::Set(d, group);
#pragma GCC unroll 3
      for (int v = 0; v < vectors; ++v) acc[r][v] = Form::dot(acc[r][v], x, column[v]);
    }
    w += vectors * n;
  }
#pragma GCC unroll 16
  for (int r = 0; r < Form::kRows; ++r)
#pragma GCC unroll 3
    for (int v = 0; v < vectors; ++v) hn::StoreU(acc[r][v], d, sums + (r * vectors + v) * n);
}

template <class Form>
void int8_tile_of(Form&, const std::byte* a, std::int64_t stride, std::int64_t rows, const std::int32_t* w,
                  std::int64_t groups, std::int64_t vectors, std::int32_t* sums) {
  if (vectors == 1) return int8_tile<Form, 1>(a, stride, rows, w, groups, sums);
  if (vectors == 2) return int8_tile<Form, 2>(a, stride, rows, w, groups, sums);
  int8_tile<Form, Form::kVectors>(a, stride, rows, w, groups, sums);
}

}  // namespace san::native::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
