#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "san/image.hpp"

namespace san {

struct DecodeOptions {
  /// Larger pictures are refused before any pixel is decoded.
  std::int64_t max_pixels = 100'000'000;
  /// Of the file.
  std::size_t max_bytes = std::size_t{1} << 30;
  /// Decodes PNG and JPEG in a helper process that can do nothing else, too; the other formats always are.
  bool sandbox = false;
};

/// Decodes PNG, JPEG, WebP, BMP, TIFF or PNM to RGB 8 bit: EXIF orientation applied, grey repeated, alpha
/// dropped, 16 bit reduced to the high byte, the first page of a TIFF. Throws one Error naming the file on
/// anything else, on damaged and truncated files, and on sizes beyond the limits.
Image decode_image(const std::filesystem::path& path, const DecodeOptions& options = {});
/// The same from memory; `name` stands for the path in messages.
Image decode_image(std::span<const std::byte> bytes, const std::string& name,
                   const DecodeOptions& options = {});

/// Decodes a label file as it is stored: grey values or palette indices of a PNG (1, 2 and 4 bit ones
/// unscaled), 8 or 16 bit grey values of other formats. Orientation is ignored. Throws Error on other
/// content, colour included: read colour-coded labels with decode_image.
LabelMap decode_labels(const std::filesystem::path& path, const DecodeOptions& options = {});
LabelMap decode_labels(std::span<const std::byte> bytes, const std::string& name,
                       const DecodeOptions& options = {});

/// What holds the decoders of the sandbox on this system, and what is missing, in words.
std::string sandbox_description();

}  // namespace san
