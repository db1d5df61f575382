#include "image/orientation.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace san {
namespace {

/// Values of either byte order; 0 beyond the end.
struct ExifBytes {
  std::span<const std::byte> bytes;
  bool big_endian;

  std::uint32_t read(std::size_t at, std::size_t count) const {
    if (at > bytes.size() || count > bytes.size() - at) return 0;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < count; ++i)
      value = value << 8 | std::to_integer<std::uint32_t>(bytes[at + (big_endian ? i : count - 1 - i)]);
    return value;
  }
};

}  // namespace

Orientation exif_orientation(std::span<const std::byte> exif) {
  // TIFF's orientations 1 to 8: where the first row and column of the stored picture belong.
  constexpr std::array<Orientation, 9> kOrientations{
      {{}, {}, {true, 0}, {false, 2}, {true, 2}, {true, 3}, {false, 1}, {true, 1}, {false, 3}}};
  constexpr std::uint32_t kOrientationTag = 0x0112;
  if (exif.size() < 8) return {};
  const ExifBytes in{exif, exif[0] == std::byte{'M'}};
  if (in.read(2, 2) != 42) return {};
  const std::size_t directory = in.read(4, 4), entries = in.read(directory, 2);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + 12 * i;
    if (in.read(entry, 2) != kOrientationTag) continue;
    const std::uint32_t value = in.read(entry + 8, 2);
    return value < kOrientations.size() ? kOrientations[value] : Orientation{};
  }
  return {};
}

Image oriented(Image image, Orientation orientation) {
  if (orientation.flipped)
    for (int y = 0; y < image.height; ++y)
      for (int x = 0; x < image.width / 2; ++x)
        std::swap_ranges(image.row(y) + 3 * x, image.row(y) + 3 * x + 3,
                         image.row(y) + 3 * (image.width - 1 - x));
  for (int turn = 0; turn < orientation.quarter_turns; ++turn) {
    Image turned(image.width, image.height);
    for (int y = 0; y < image.height; ++y)
      for (int x = 0; x < image.width; ++x)
        std::copy_n(image.row(y) + 3 * x, 3, turned.row(x) + 3 * (image.height - 1 - y));
    image = std::move(turned);
  }
  return image;
}

}  // namespace san
