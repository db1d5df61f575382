#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "san/colors.hpp"
#include "san/error.hpp"
#include "san/image_view.hpp"

namespace san {

struct DecodeOptions {
  std::int64_t max_pixels = 100'000'000;         ///< larger pictures are refused before any is decoded
  std::size_t max_bytes = std::size_t{1} << 30;  ///< of the file; times $SAN_LIMITS (docs/limits.md)
  /// Decodes PNG and JPEG in a helper process that can do nothing else, too; the other formats always are.
  bool sandbox = false;
};
/// What holds the decoders of the sandbox on this system, and what is missing, in words.
SAN_API std::string sandbox_description();

/// PNG, JPEG, WebP, BMP, TIFF, PNM to RGB 8 bit: EXIF orientation applied, grey repeated, alpha dropped, 16
/// bit reduced to the high byte, the first page of a TIFF. Throws one Error naming the file on anything else,
/// on damaged and truncated files, and beyond the limits.
SAN_API Image load_image(const std::filesystem::path& path, const DecodeOptions& options = {});
/// The same of a file's bytes in memory; `name` stands for the path in errors.
SAN_API Image decode_image(std::span<const std::byte> bytes, const std::string& name,
                           const DecodeOptions& options = {});

SAN_API std::vector<std::byte> encode_png(const ImageView& image);
/// `quality` 1 … 100. Throws Error outside.
SAN_API std::vector<std::byte> encode_jpeg(const ImageView& image, int quality);
/// A PNG whose pixel values are the labels: with `palette` (at most 256 colours, covering every label) an
/// indexed one, else grey of 8 bit, or of 16 bit where a label needs it.
SAN_API std::vector<std::byte> encode_labels(const LabelMap& map, std::span<const Rgb> palette = {});

/// Readers of the file see what was there before or all of `bytes`. Throws Error with the path.
SAN_API void save_file(const std::filesystem::path& path, std::span<const std::byte> bytes);

}  // namespace san
