#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace san {

enum class ImageFormat { kPng, kJpeg, kWebp, kBmp, kTiff, kPnm };

/// Tiles and scans are not worth a judgement below this many pixels.
inline constexpr std::int64_t kSmallBlock = 1 << 24;

/// What a file's header says of the picture, read as the decoders read it.
struct ImageHeader {
  ImageFormat format = ImageFormat::kPng;
  std::int64_t height = 0, width = 0;  ///< as stored, before EXIF orientation
  std::int64_t least_bytes = 0;        ///< fewer cannot hold that many pixels
  std::int64_t block_pixels = 0;       ///< of a TIFF's tile: decoders hold one as a whole
  std::int64_t scans = 1;              ///< how often a JPEG's decoder goes over the picture
};

/// The format by the file's first bytes. Throws Error naming the file when it is none of the known ones.
ImageFormat image_format(std::span<const std::byte> bytes, const std::string& name);

/// The header; of a JPEG, also that it runs to its end marker (decoders fill the missing part of a truncated
/// one with grey). Animations and pictures without a size are refused. Throws one Error naming the file.
ImageHeader read_image_header(std::span<const std::byte> bytes, const std::string& name);

}  // namespace san
