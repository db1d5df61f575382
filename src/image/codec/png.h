#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "image/sandbox/pixel_sink.h"

/// PNG through libpng itself: OpenCV expands palettes and lets libpng print its warnings.
namespace san::png {

/// RGB, 3 bytes a pixel, with the orientation of an eXIf chunk applied. Throws Error naming the file.
void read_rgb(std::span<const std::byte> bytes, const std::string& name, std::int64_t max_pixels,
              const PixelSink& sink);
/// Grey values or palette indices as stored, 2 bytes a pixel. Throws Error naming the file, on colour too.
void read_labels(std::span<const std::byte> bytes, const std::string& name, std::int64_t max_pixels,
                 const PixelSink& sink);

using Palette = std::vector<std::array<std::uint8_t, 3>>;

enum class Kind { kRgb8, kGrey8, kGrey16, kPalette8 };
/// `rows` holds height rows of packed samples, 16 bit ones in the machine's byte order. Compression favours
/// speed.
std::vector<std::byte> write(Kind kind, int height, int width, std::span<const std::byte> rows,
                             const Palette& palette = {});

}  // namespace san::png
