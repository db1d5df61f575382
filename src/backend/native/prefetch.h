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

}  // namespace san::native
