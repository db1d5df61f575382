#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "san/codec.hpp"
#include "san/image.hpp"

namespace san {

// Pictures from memory: decode_image of san/codec.hpp.

/// Decodes PNG, JPEG, WebP, BMP, TIFF or PNM to RGB 8 bit: EXIF orientation applied, grey repeated, alpha
/// dropped, 16 bit reduced to the high byte, the first page of a TIFF. Throws one Error naming the file on
/// anything else, on damaged and truncated files, and on sizes beyond the limits.
Image decode_image(const std::filesystem::path& path, const DecodeOptions& options = {});

/// Whether a file's name ends as one of such a picture does.
bool is_picture_name(const std::filesystem::path& path);

/// Decodes a label file as it is stored: grey values or palette indices of a PNG (1, 2 and 4 bit ones
/// unscaled), 8 or 16 bit grey values of other formats. Orientation is ignored. Throws Error on other
/// content, colour included: read colour-coded labels with decode_image.
LabelMap decode_labels(const std::filesystem::path& path, const DecodeOptions& options = {});
LabelMap decode_labels(std::span<const std::byte> bytes, const std::string& name,
                       const DecodeOptions& options = {});

}  // namespace san
