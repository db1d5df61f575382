#include "backend/native/int8_gemm.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>
#include <type_traits>

#include "backend/native/amx.h"
#include "backend/native/gemm.h"
#include "backend/native/hwy_targets.h"
#include "backend/native/prefetch.h"
#include "base/error.h"
#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#elif defined(__x86_64__)
#include <cpuid.h>
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/native/int8_gemm.cpp"
#include <hwy/foreach_target.h>
// foreach_target must come before:
#include <hwy/highway.h>

#include "backend/native/matrix_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace san::native::HWY_NAMESPACE {

/// Calls body with the form's struct.
template <class Body>
HWY_INLINE void with_form(Int8Form form, Body&& body) {
  const auto run = [&](auto of) HWY_ATTR { body(of); };
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  if (form == Int8Form::kAmx) {
    ByteTiles<AmxTiles> tiles;
    return body(tiles);
  }
#endif
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_SSSE3
  if (form == Int8Form::kPairs) return run(Pairs());
#endif
#if (HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2) || HWY_ARCH_ARM_A64
  if (form == Int8Form::kQuads) return run(Quads());
#endif
  if (form == Int8Form::kPlainTiles) return run(ByteTiles<PlainTiles>());
  run(PortableQuads());
}

#if HWY_ARCH_X86 && HWY_TARGET == HWY_AVX2
/// By cpuid itself: __builtin_cpu_supports knows no "avxvnni" in Clang before 17.
bool has_avx_vnni() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a >> 4 & 1) != 0;
}
#endif

/// Bit i: whether the instruction set, and beyond it this processor, has form i.
unsigned int8_forms_impl() {
  const auto bit = [](Int8Form form) { return 1u << static_cast<int>(form); };
  unsigned forms = bit(Int8Form::kPortableQuads) | bit(Int8Form::kPlainTiles);
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_SSSE3
  forms |= bit(Int8Form::kPairs);
#endif
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  if (__builtin_cpu_supports("avx512vnni")) forms |= bit(Int8Form::kQuads);
  if (amx_is_usable()) forms |= bit(Int8Form::kAmx);
#elif HWY_ARCH_X86 && HWY_TARGET == HWY_AVX2
  if (has_avx_vnni()) forms |= bit(Int8Form::kQuads);
#elif HWY_ARCH_ARM_A64 && defined(__linux__)
  if (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) forms |= bit(Int8Form::kQuads);
#endif
  return forms;
}

std::int64_t int8_panel_columns_impl(Int8Form form) {
  std::int64_t vectors = 0;
  with_form(form, [&](auto& f) HWY_ATTR { vectors = std::remove_reference_t<decltype(f)>::kVectors; });
  return vectors * static_cast<std::int64_t>(lanes());
}

// Panels of [groups of depth][columns][group] bytes.
template <std::int64_t group>
void pack_groups(const std::int8_t* rows, PackedInt8& packed, std::int64_t panel_begin,
                 std::int64_t panel_end) {
  const auto n = static_cast<std::int64_t>(lanes());
  const std::int64_t deep = int8_padded_depth(packed.depth, packed.form);
  for (std::int64_t p = panel_begin; p < panel_end; ++p) {
    const std::int64_t column = p * packed.panel, columns = std::min(packed.panel, packed.columns - column);
    const std::int64_t width = (columns + n - 1) / n * n;
    auto* to = reinterpret_cast<std::int8_t*>(packed.values.get()) + column * deep;
    std::fill_n(to, width * deep, std::int8_t{0});
    for (std::int64_t c = 0; c < columns; ++c) {
      const std::int8_t* row = rows + ((p - panel_begin) * packed.panel + c) * packed.depth;
      std::int8_t* at = to + c * group;
      std::int64_t k = 0;
      for (; k + group <= packed.depth; k += group, at += width * group) std::memcpy(at, row + k, group);
      std::copy(row + k, row + packed.depth, at);
      packed.sums[static_cast<std::size_t>(column + c)] =
          std::accumulate(row, row + packed.depth, std::int32_t{0});
    }
  }
}

void pack_int8_impl(const std::int8_t* rows, PackedInt8& packed, std::int64_t panel_begin,
                    std::int64_t panel_end) {
  (int8_group(packed.form) == 2 ? pack_groups<2> : pack_groups<4>)(rows, packed, panel_begin, panel_end);
}

/// A vector of integers as int16, or as bytes; where it is the last of a row its first `count`.
template <bool pairs, bool whole>
HWY_INLINE void store_integers(VI q, std::byte* to, [[maybe_unused]] std::size_t count) {
#if HWY_ARCH_ARM_A64
  using Byte = std::int8_t;
#else
  using Byte = std::uint8_t;
#endif
  using Value = std::conditional_t<pairs, std::int16_t, Byte>;
  const hn::Rebind<Value, I> d;
  if constexpr (whole) {
    hn::StoreU(hn::DemoteTo(d, q), d, reinterpret_cast<Value*>(to));
  } else {
    HWY_ALIGN Value part[HWY_MAX_BYTES / sizeof(float)];
    hn::StoreU(hn::DemoteTo(d, q), d, part);
    std::memcpy(to, part, count * sizeof(Value));
  }
}

template <bool pairs>
void quantize_one(const float* x, std::int64_t depth, std::byte* to, std::int64_t bytes, float& scale,
                  std::int32_t& zero) {
  const F d;
  const I di;
  const std::size_t n = lanes(), count = static_cast<std::size_t>(depth);
  // The range takes in zero, which then is one of the steps.
  V low = hn::Zero(d), high = hn::Zero(d), nothing = hn::Zero(d);
  const auto look = [&](V v) HWY_ATTR {
    low = hn::Min(low, v), high = hn::Max(high, v);
    nothing = hn::Add(nothing, hn::Sub(v, v));  // of an infinity or what is no number: no number
  };
  std::size_t i = 0;
  for (; i + n <= count; i += n) look(hn::LoadU(d, x + i));
  if (i < count) look(load_part(x + i, count - i));
  const float smallest = hn::GetLane(hn::MinOfLanes(d, low)), largest = hn::GetLane(hn::MaxOfLanes(d, high));
  const float range = largest - smallest;
  constexpr float kSteps = 255, kLeast = 1e-34f;  // below it 255 / range is no longer finite
  const bool finite =
      hn::GetLane(hn::SumOfLanes(d, nothing)) == 0 && range <= std::numeric_limits<float>::max();
  if (!finite || range < kLeast) {
    std::fill_n(to, bytes, std::byte{0});
    scale = finite ? 0.0f : std::numeric_limits<float>::quiet_NaN();
    zero = 0;
    return;
  }
  const V steps = hn::Set(d, kSteps / range);
  const VI whole_zero = hn::NearestInt(hn::Mul(hn::Set(d, -smallest), steps));
  const VI least = hn::Neg(whole_zero), most = hn::Sub(hn::Set(di, 255), whole_zero);
  const VI plus = pairs ? hn::Zero(di) : hn::Sub(whole_zero, hn::Set(di, kQuadBase));
  const auto quantized = [&](V v) HWY_ATTR {
    // Beyond the range by a rounding at most.
    const VI q = hn::Min(hn::Max(hn::NearestInt(hn::Mul(v, steps)), least), most);
    return hn::Add(q, plus);
  };
  constexpr std::size_t size = pairs ? 2 : 1;
  for (i = 0; i + n <= count; i += n)
    store_integers<pairs, true>(quantized(hn::LoadU(d, x + i)), to + i * size, n);
  if (i < count)
    store_integers<pairs, false>(quantized(load_part(x + i, count - i)), to + i * size, count - i);
  std::fill(to + count * size, to + bytes, std::byte{0});
  scale = range / kSteps;
  zero = hn::GetLane(plus);
}

void quantize_rows_impl(const float* x, std::int64_t stride, std::int64_t depth, Int8Form form,
                        const Int8Activations& to, std::int64_t begin, std::int64_t end) {
  for (std::int64_t r = begin; r < end; ++r)
    (form == Int8Form::kPairs ? quantize_one<true>
                              : quantize_one<false>)(x + r * stride, depth, to.values + r * to.stride,
                                                     to.stride, to.scales[r], to.zeros[r]);
}

// From sums of integers to what the layer gives; of pairs no zero point is left to subtract.
template <bool pairs>
void finish_int8(const Int8Gemm& g, const std::int32_t* sums, std::int64_t width, std::int64_t row,
                 std::int64_t rows, std::int64_t column, std::int64_t columns) {
  const F d;
  const I di;
  const auto n = static_cast<std::int64_t>(lanes());
  with_activation(g.activation, [&](auto kind) HWY_ATTR {
    // A vector of columns for all rows: what belongs to columns is loaded once.
    const auto finish = [&](std::int64_t i, auto load, auto store) HWY_ATTR {
      const V column_scales = hn::LoadU(d, g.b->scales.data() + column + i);
      [[maybe_unused]] const VI column_sums = hn::LoadU(di, g.b->sums.data() + column + i);
      const V bias = g.bias ? load(g.bias + column + i) : hn::Zero(d);
      for (std::int64_t r = 0; r < rows; ++r) {
        VI sum = hn::LoadU(di, sums + r * width + i);
        if constexpr (!pairs) sum = hn::Sub(sum, hn::Mul(hn::Set(di, g.a.zeros[row + r]), column_sums));
        V v = hn::Mul(hn::ConvertTo(d, sum), hn::Mul(hn::Set(d, g.a.scales[row + r]), column_scales));
        if (g.bias) v = hn::Add(v, bias);
        v = activated<kind()>(v);
        if (g.residual) v = hn::Add(v, load(g.residual + (row + r) * g.residual_stride + column + i));
        store(v, g.c + (row + r) * g.c_stride + column + i);
      }
    };
    std::int64_t i = 0;
    for (; i + n <= columns; i += n)
      finish(
          i, [&](const float* p) HWY_ATTR { return hn::LoadU(d, p); },
          [&](V v, float* p) HWY_ATTR { hn::StoreU(v, d, p); });
    if (i < columns) {
      const auto rest = static_cast<std::size_t>(columns - i);
      finish(
          i, [&](const float* p) HWY_ATTR { return load_part(p, rest); },
          [&](V v, float* p) HWY_ATTR { store_part(v, p, rest); });
    }
  });
}

// What the form multiplies: pairs are int16, so a panel's bytes are widened once for all rows.
const std::int32_t* panel_values(Int8Form form, const std::int8_t* from,
                                 [[maybe_unused]] std::int64_t bytes) {
  if (form != Int8Form::kPairs) return reinterpret_cast<const std::int32_t*>(from);
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_SSSE3
  const hn::Repartition<std::int16_t, I> d16;
  const hn::Rebind<std::int8_t, decltype(d16)> d8;
  const auto step = static_cast<std::int64_t>(hn::Lanes(d16));
  auto* to = reinterpret_cast<std::int16_t*>(thread_scratch((bytes * 2 + 3) / 4, 3));
  for (std::int64_t i = 0; i < bytes; i += step)
    hn::StoreU(hn::PromoteTo(d16, hn::LoadU(d8, from + i)), d16, to + i);
  return reinterpret_cast<const std::int32_t*>(to);
#else
  return nullptr;
#endif
}

void int8_gemm_part_impl(const Int8Gemm& g, std::int64_t row_begin, std::int64_t row_end,
                         std::int64_t panel_begin, std::int64_t panel_end) {
  if (row_begin >= row_end) return;
  const PackedInt8& b = *g.b;
  const auto n = static_cast<std::int64_t>(lanes());
  const std::int64_t deep = int8_padded_depth(b.depth, b.form), groups = deep / int8_group(b.form);
  with_form(b.form, [&](auto& form) HWY_ATTR {
    using Form = std::remove_reference_t<decltype(form)>;
    HWY_ALIGN std::int32_t sums[Form::kRows * Form::kVectors * HWY_MAX_BYTES / sizeof(std::int32_t)];
    for (std::int64_t p = panel_begin; p < panel_end; ++p) {
      const std::int64_t column = p * b.panel, columns = std::min(b.panel, b.columns - column);
      const std::int64_t vectors = (columns + n - 1) / n;
      const auto* bytes = reinterpret_cast<const std::int8_t*>(b.values.get()) + column * deep;
      const std::int32_t* w = panel_values(b.form, bytes, vectors * n * deep);
      for (std::int64_t row = row_begin; row < row_end; row += Form::kRows) {
        const std::int64_t rows = std::min<std::int64_t>(Form::kRows, row_end - row);
        prefetch_rows<true>(g.c + row * g.c_stride + column, g.c_stride, rows, columns);
        if (g.residual)
          prefetch_rows<false>(g.residual + row * g.residual_stride + column, g.residual_stride, rows,
                               columns);
        int8_tile_of(form, g.a.values + row * g.a.stride, g.a.stride, rows, w, groups, vectors, sums);
        finish_int8<std::is_same_v<Form, Pairs>>(g, sums, vectors * n, row, rows, column, columns);
      }
    }
  });
}

}  // namespace san::native::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace san::native {

HWY_EXPORT(int8_forms_impl);
HWY_EXPORT(int8_panel_columns_impl);
HWY_EXPORT(pack_int8_impl);
HWY_EXPORT(quantize_rows_impl);
HWY_EXPORT(int8_gemm_part_impl);

std::vector<Int8Form> int8_forms() {
  const unsigned has = HWY_DYNAMIC_DISPATCH(int8_forms_impl)();
  std::vector<Int8Form> forms;
  for (const Int8Form form :
       {Int8Form::kAmx, Int8Form::kQuads, Int8Form::kPairs, Int8Form::kPortableQuads, Int8Form::kPlainTiles})
    if (has >> static_cast<int>(form) & 1u) forms.push_back(form);
  return forms;
}

bool int8_is_faster() {
  return int8_forms().front() != Int8Form::kPortableQuads;
}

namespace {

std::int64_t padded_columns(std::int64_t columns, Int8Form form) {
  const std::int64_t panel = HWY_DYNAMIC_DISPATCH(int8_panel_columns_impl)(form);
  return (columns + panel - 1) / panel * panel;
}

}  // namespace

std::int64_t int8_packed_floats(std::int64_t depth, std::int64_t columns, Int8Form form) {
  return (padded_columns(columns, form) * int8_padded_depth(depth, form) + 3) /
         static_cast<int>(sizeof(float));
}

PackedInt8 make_packed_int8(std::int64_t depth, std::int64_t columns, Int8Form form, BufferPtr values) {
  require(depth <= kInt8MaxDepth, "int8: {} inputs, at most {} can be summed", depth, kInt8MaxDepth);
  const auto padded = static_cast<std::size_t>(padded_columns(columns, form));
  return {depth,
          columns,
          HWY_DYNAMIC_DISPATCH(int8_panel_columns_impl)(form),
          form,
          std::move(values),
          std::vector<float>(padded),
          std::vector<std::int32_t>(padded)};
}

void pack_int8(const std::int8_t* rows, PackedInt8& packed, std::int64_t panel_begin,
               std::int64_t panel_end) {
  HWY_DYNAMIC_DISPATCH(pack_int8_impl)(rows, packed, panel_begin, panel_end);
}

namespace {

// An odd number of cache lines, so that a tile's rows do not compete for the same places of the cache.
std::int64_t row_floats(std::int64_t depth, Int8Form form) {
  constexpr std::int64_t kLine = 64;
  const std::int64_t lines =
      (int8_padded_depth(depth, form) * int8_activation_bytes(form) + kLine - 1) / kLine;
  return (lines | 1) * kLine / static_cast<std::int64_t>(sizeof(float));
}

}  // namespace

std::int64_t int8_activation_floats(std::int64_t rows, std::int64_t depth, Int8Form form) {
  return rows * (row_floats(depth, form) + 2);
}

Int8Activations int8_activations(float* memory, std::int64_t rows, std::int64_t depth, Int8Form form) {
  Int8Activations a;
  a.scales = memory;
  a.zeros = reinterpret_cast<std::int32_t*>(memory + rows);
  a.values = reinterpret_cast<std::byte*>(memory + 2 * rows);
  a.stride = row_floats(depth, form) * static_cast<std::int64_t>(sizeof(float));
  return a;
}

void quantize_activations(const float* x, std::int64_t stride, std::int64_t depth, Int8Form form,
                          const Int8Activations& to, std::int64_t begin, std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(quantize_rows_impl)(x, stride, depth, form, to, begin, end);
}

void int8_gemm_part(const Int8Gemm& g, std::int64_t row_begin, std::int64_t row_end, std::int64_t panel_begin,
                    std::int64_t panel_end) {
  HWY_DYNAMIC_DISPATCH(int8_gemm_part_impl)(g, row_begin, row_end, panel_begin, panel_end);
}

void int8_gemm(const Int8Gemm& g, ThreadPool& pool) {
  // A part's rows stay in half of a small second-level cache.
  constexpr std::int64_t kPartBytes = 256 * 1024, kLeastRows = 48, kMostRows = 208;
  const std::int64_t fit =
      std::clamp(kPartBytes / std::max<std::int64_t>(1, g.a.stride), kLeastRows, kMostRows);
  for_each_part(g.rows, kMostTileRows, fit, g.b->panels(), g.b->depth * g.b->panel, pool,
                [&](std::int64_t row, std::int64_t row_end, std::int64_t panel, std::int64_t panel_end) {
                  int8_gemm_part(g, row, row_end, panel, panel_end);
                });
}

}  // namespace san::native
#endif
