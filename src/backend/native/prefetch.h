#pragma once
#include <cstddef>
#include <cstdint>

namespace san::native {

/// Asks for the lines of [from, end) towards the second-level cache; where the next one begins.
inline const std::byte* prefetch(const std::byte* from, const std::byte* end) {
  constexpr std::int64_t kLineBytes = 64;
  for (; from < end; from += kLineBytes) __builtin_prefetch(from, 0, 2);
  return from;
}

inline void prefetch_row(const float* row, std::int64_t width) {
  prefetch(reinterpret_cast<const std::byte*>(row), reinterpret_cast<const std::byte*>(row + width));
}

/// Asks for rows of `columns` floats that are about to be written (or only read) into the first-level cache.
template <bool written>
void prefetch_rows(const float* from, std::int64_t stride, std::int64_t rows, std::int64_t columns) {
  constexpr std::int64_t kLineFloats = 16;
  for (std::int64_t r = 0; r < rows; ++r, from += stride) {
    for (std::int64_t i = 0; i < columns; i += kLineFloats) __builtin_prefetch(from + i, written, 3);
    __builtin_prefetch(from + columns - 1, written, 3);
  }
}

}  // namespace san::native
