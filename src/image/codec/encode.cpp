#include "image/codec/encode.h"

#include <algorithm>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/labels.h"
#include "image/codec/jpeg.h"
#include "image/codec/png.h"
#include "san/tiff.hpp"

namespace san {
namespace {

constexpr std::size_t kPaletteLimit = 256, kMostInPng = 65535;

template <class Picture>
void check_size(const Picture& picture) {
  require(picture.height > 0 && picture.width > 0, "cannot encode an empty picture ({}x{})", picture.width,
          picture.height);
}

void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

}  // namespace

std::vector<std::byte> encode_png(const Image& image) {
  check_size(image);
  return encode_png(image.height, image.width, image.rgb);
}

std::vector<std::byte> encode_png(int height, int width, std::span<const std::uint8_t> rgb) {
  return png::write(png::Kind::kRgb8, height, width, std::as_bytes(rgb));
}

std::vector<std::byte> encode_jpeg(const Image& image, int quality) {
  check_size(image);
  require(quality >= 1 && quality <= 100, "JPEG quality must lie in 1 … 100, got {}", quality);
  return jpeg::write(image, quality);
}

std::vector<std::byte> encode_label_png(const LabelMap& map, std::span<const Rgb> palette) {
  check_size(map);
  const std::size_t largest = std::ranges::max(map.labels);
  require(palette.size() <= kPaletteLimit && (palette.empty() || largest < palette.size()),
          "cannot encode label {} with a palette of {} colours; at most {} are possible", largest,
          palette.size(), kPaletteLimit);
  require(largest <= kMostInPng,
          "cannot encode label {} as PNG, whose values have at most 16 bits; a TIFF holds it", largest);
  if (largest >= kPaletteLimit) {
    const std::vector<std::uint16_t> values(map.labels.begin(), map.labels.end());
    return png::write(png::Kind::kGrey16, map.height, map.width, std::as_bytes(std::span(values)));
  }
  std::vector<std::uint8_t> values(map.labels.size());
  std::transform(map.labels.begin(), map.labels.end(), values.begin(),
                 [](Label label) { return static_cast<std::uint8_t>(label); });
  return png::write(palette.empty() ? png::Kind::kGrey8 : png::Kind::kPalette8, map.height, map.width,
                    std::as_bytes(std::span(values)), png::Palette(palette.begin(), palette.end()));
}

void write_png(const std::filesystem::path& path, const Image& image) {
  write_file(path, encode_png(image));
}

void write_jpeg(const std::filesystem::path& path, const Image& image, int quality) {
  write_file(path, encode_jpeg(image, quality));
}

void write_labels(const std::filesystem::path& path, const LabelMap& map, std::span<const Rgb> palette) {
  const std::string extension = path.extension().string();
  if (extension == ".png") return write_file(path, encode_label_png(map, palette));
  require(extension == ".tif" || extension == ".tiff", "{}: labels are written as .png, .tif or .tiff",
          path.string());
  check_size(map);
  // At least 16 bits, which programs that read label maps as TIFF expect.
  LabelTiff tiff(path, map.height, map.width,
                 static_cast<int>(std::max<Label>(kNoLabel16, std::ranges::max(map.labels)) + 1));
  tiff.add(map);
  tiff.finish();
}

}  // namespace san
