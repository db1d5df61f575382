#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "image/sandbox/pixel_sink.h"
#include "san/image.hpp"

/// JPEG through libjpeg itself, with the settings (and so the pixels and bytes, bit for bit) of OpenCV, which
/// would bring 120 more libraries into every program for it.
namespace san::jpeg {

/// RGB, 3 bytes a pixel, with the EXIF orientation applied; CMYK as OpenCV converts it. What libjpeg warns of
/// (damaged data that it could step over) goes to sink.note. Throws Error naming the file.
void read_rgb(std::span<const std::byte> bytes, const std::string& name, std::int64_t max_pixels,
              const PixelSink& sink);
/// Grey values as stored, 2 bytes a pixel. Throws Error naming the file, on colour too.
void read_labels(std::span<const std::byte> bytes, const std::string& name, std::int64_t max_pixels,
                 const PixelSink& sink);

std::vector<std::byte> write(const Image& image, int quality);

}  // namespace san::jpeg
