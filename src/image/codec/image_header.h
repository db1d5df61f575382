#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace san {

enum class ImageFormat { kPng, kJpeg, kWebp, kBmp, kTiff, kPnm };

struct ImageHeader {
  ImageFormat format = ImageFormat::kPng;
  std::int64_t height = 0, width = 0;  ///< as stored, before EXIF orientation
};

/// Format and size as the file's first bytes state them; of a JPEG, also that it runs to its end marker
/// (decoders fill the missing part of a truncated one with grey). Throws one Error naming the file.
ImageHeader read_image_header(std::span<const std::byte> bytes, const std::string& name);

}  // namespace san
