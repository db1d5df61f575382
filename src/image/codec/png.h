#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "san/image.hpp"

/// PNG through libpng itself: OpenCV expands palettes and lets libpng print its warnings.
namespace san::png {

/// RGB 8 bit with the orientation of an eXIf chunk applied. Throws Error naming the file.
Image read_rgb(std::span<const std::byte> bytes, const std::string& name);
/// Grey values or palette indices as stored. Throws Error naming the file, on colour too.
LabelMap read_labels(std::span<const std::byte> bytes, const std::string& name);

using Palette = std::vector<std::array<std::uint8_t, 3>>;

enum class Kind { kRgb8, kGrey8, kGrey16, kPalette8 };
/// `rows` holds height rows of packed samples, 16 bit ones in the machine's byte order. Compression favours
/// speed.
std::vector<std::byte> write(Kind kind, int height, int width, std::span<const std::byte> rows,
                             const Palette& palette = {});

}  // namespace san::png
