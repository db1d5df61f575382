#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "san/colors.hpp"
#include "san/image.hpp"

namespace san {

std::vector<std::byte> encode_png(const Image& image);
/// Of RGB pixels, rows without gaps.
std::vector<std::byte> encode_png(int height, int width, std::span<const std::uint8_t> rgb);
/// `quality` 1 … 100. Throws Error outside.
std::vector<std::byte> encode_jpeg(const Image& image, int quality);
/// A PNG whose pixel values are the labels: with `palette` (at most 256 colours, covering every label) an
/// indexed one, else grey of 8 bit, or of 16 bit where a label needs it. Throws Error where 16 do not do.
std::vector<std::byte> encode_label_png(const LabelMap& map, std::span<const Rgb> palette = {});

/// Encodes in memory, then writes atomically. Every failure throws Error with the path.
void write_png(const std::filesystem::path& path, const Image& image);
void write_jpeg(const std::filesystem::path& path, const Image& image, int quality = 92);
/// .png (8 or 16 bit as the labels need) or .tif/.tiff (16 bit, or 32) by the path's extension; Throws Error
/// on others.
void write_labels(const std::filesystem::path& path, const LabelMap& map, std::span<const Rgb> palette = {});

}  // namespace san
