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

/// to[c, r] (+)= scale · from[r, c], by squares of four where vectors have that many lanes; as it is for
/// lanes that hold no floats.
template <Put how>
void transpose(const float* from, std::int64_t from_stride, std::int64_t rows, std::int64_t columns,
               float scale, float* to, std::int64_t to_stride) {
  [[maybe_unused]] const hn::CappedTag<float, 4> d4;
  std::int64_t whole_rows = 0, whole_columns = 0;
#if HWY_TARGET != HWY_SCALAR
  whole_rows = rows / 4 * 4, whole_columns = columns / 4 * 4;
  const auto factor = hn::Set(d4, scale);
  for (std::int64_t r = 0; r < whole_rows; r += 4)
    for (std::int64_t c = 0; c < whole_columns; c += 4) {
      const float* p = from + r * from_stride + c;
      const auto r0 = hn::LoadU(d4, p), r1 = hn::LoadU(d4, p + from_stride);
      const auto r2 = hn::LoadU(d4, p + 2 * from_stride), r3 = hn::LoadU(d4, p + 3 * from_stride);
      const auto a = hn::InterleaveLower(d4, r0, r2), b = hn::InterleaveLower(d4, r1, r3);
      const auto e = hn::InterleaveUpper(d4, r0, r2), f = hn::InterleaveUpper(d4, r1, r3);
      float* q = to + c * to_stride + r;
      const auto put = [&](auto v, float* target) HWY_ATTR {
        if constexpr (how == Put::kAdded)
          v = hn::MulAdd(v, factor, hn::LoadU(d4, target));
        else if constexpr (how == Put::kScaled)
          v = hn::Mul(v, factor);
        hn::StoreU(v, d4, target);
      };
      put(hn::InterleaveLower(d4, a, b), q);
      put(hn::InterleaveUpper(d4, a, b), q + to_stride);
      put(hn::InterleaveLower(d4, e, f), q + 2 * to_stride);
      put(hn::InterleaveUpper(d4, e, f), q + 3 * to_stride);
    }
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
