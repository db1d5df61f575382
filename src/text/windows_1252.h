#pragma once
#include <array>
#include <optional>

namespace san {

/// What bytes 0x80…0x9f mean in Windows-1252; the five unassigned ones keep their number.
inline constexpr std::array<char32_t, 32> kWindows1252 = {
    0x20ac, 0x81,   0x201a, 0x192,  0x201e, 0x2026, 0x2020, 0x2021, 0x2c6,  0x2030, 0x160,
    0x2039, 0x152,  0x8d,   0x17d,  0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x2dc,  0x2122, 0x161,  0x203a, 0x153,  0x9d,   0x17e,  0x178};

constexpr char32_t windows_1252_to_unicode(unsigned char byte) {
  return byte >= 0x80 && byte < 0xa0 ? kWindows1252[byte - 0x80u] : byte;
}

/// The byte that Windows-1252 or Latin-1 shows as `c`.
constexpr std::optional<unsigned char> unicode_to_windows_1252(char32_t c) {
  if (c < 0x100) return static_cast<unsigned char>(c);
  for (std::size_t i = 0; i < kWindows1252.size(); ++i)
    if (kWindows1252[i] == c) return static_cast<unsigned char>(0x80 + i);
  return std::nullopt;
}

}  // namespace san
