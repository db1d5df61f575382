// Rows that become columns; included once per target.
#if defined(SAN_NATIVE_TRANSPOSE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef SAN_NATIVE_TRANSPOSE_INL
#undef SAN_NATIVE_TRANSPOSE_INL
#else
#define SAN_NATIVE_TRANSPOSE_INL
#endif

#include <hwy/highway.h>

#include <cstdint>
#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace san::native::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

enum class Put : std::uint8_t { kScaled, kAdded, kAsItIs };

#if HWY_TARGET != HWY_SCALAR
/// The four values at `from` and at each further `step` floats, a block of the vector each.
template <class D>
HWY_INLINE hn::Vec<D> load_blocks(D d, const float* from, std::int64_t step) {
  if constexpr (hn::MaxLanes(D()) <= 4) {
    return hn::LoadU(d, from);
  } else {
    const hn::Half<D> half;
    constexpr std::int64_t kBlocks = hn::MaxLanes(half) / 4;
    return hn::Combine(d, load_blocks(half, from + kBlocks * step, step), load_blocks(half, from, step));
  }
}

/// Rows in fours, as many fours as a vector of D has blocks, by squares of four; the rows that are done.
template <Put how, class D>
HWY_INLINE std::int64_t transpose_squares(D d, std::int64_t first, const float* from,
                                          std::int64_t from_stride, std::int64_t rows, std::int64_t columns,
                                          float scale, float* to, std::int64_t to_stride) {
  const auto step = static_cast<std::int64_t>(hn::Lanes(d));
  const auto factor = hn::Set(d, scale);
  const auto put = [&](auto v, float* target) HWY_ATTR {
    if constexpr (how == Put::kAdded)
      v = hn::MulAdd(v, factor, hn::LoadU(d, target));
    else if constexpr (how == Put::kScaled)
      v = hn::Mul(v, factor);
    hn::StoreU(v, d, target);
  };
  std::int64_t r = first;
  for (; r + step <= rows; r += step)
    for (std::int64_t c = 0; c + 4 <= columns; c += 4) {
      const float* p = from + r * from_stride + c;
      const auto r0 = load_blocks(d, p, 4 * from_stride),
                 r1 = load_blocks(d, p + from_stride, 4 * from_stride);
      const auto r2 = load_blocks(d, p + 2 * from_stride, 4 * from_stride),
                 r3 = load_blocks(d, p + 3 * from_stride, 4 * from_stride);
      const auto a = hn::InterleaveLower(d, r0, r2), b = hn::InterleaveLower(d, r1, r3);
      const auto e = hn::InterleaveUpper(d, r0, r2), f = hn::InterleaveUpper(d, r1, r3);
      float* q = to + c * to_stride + r;
      put(hn::InterleaveLower(d, a, b), q);
      put(hn::InterleaveUpper(d, a, b), q + to_stride);
      put(hn::InterleaveLower(d, e, f), q + 2 * to_stride);
      put(hn::InterleaveUpper(d, e, f), q + 3 * to_stride);
    }
  return r;
}
#endif

/// to[c, r] (+)= scale · from[r, c], by squares of four where vectors have that many lanes; as it is for
/// lanes that hold no floats.
template <Put how>
void transpose(const float* from, std::int64_t from_stride, std::int64_t rows, std::int64_t columns,
               float scale, float* to, std::int64_t to_stride) {
  std::int64_t whole_rows = 0, whole_columns = 0;
#if HWY_TARGET != HWY_SCALAR
  whole_columns = columns / 4 * 4;
  whole_rows = transpose_squares<how>(hn::ScalableTag<float>(), 0, from, from_stride, rows, columns, scale,
                                      to, to_stride);
  whole_rows = transpose_squares<how>(hn::CappedTag<float, 4>(), whole_rows, from, from_stride, rows, columns,
                                      scale, to, to_stride);
#endif
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = r < whole_rows ? whole_columns : 0; c < columns; ++c) {
      const float* source = from + r * from_stride + c;
      float* target = to + c * to_stride + r;
      if constexpr (how == Put::kAsItIs)
        std::memcpy(target, source, sizeof *target);
      else
        *target = scale * *source + (how == Put::kAdded ? *target : 0.0f);
    }
}

}  // namespace san::native::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
