#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "image/sandbox/pixel_sink.h"

/// The formats that OpenCV reads for this project: WebP, BMP, TIFF and PNM. Its codecs
/// come with some 120 shared libraries, and print exceptions to standard error: so they live in a helper
/// process, and no other program or library links them.
namespace san::opencv {

/// RGB, 3 bytes a pixel: grey repeated, alpha dropped, 16 bit reduced to the high byte, the first page of a
/// TIFF. Throws Error naming the file.
void read_rgb(std::span<const std::byte> bytes, const std::string& name, std::int64_t max_pixels,
              const PixelSink& sink);
/// 8 or 16 bit grey values as stored, 2 bytes a pixel. Throws Error naming the file, on colour too.
void read_labels(std::span<const std::byte> bytes, const std::string& name, std::int64_t max_pixels,
                 const PixelSink& sink);

/// Everything these do for the first time, files they open included: decodes a small picture of each format,
/// and a damaged one.
void warm_up();

}  // namespace san::opencv
