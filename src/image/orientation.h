#pragma once
#include <cstddef>
#include <span>

#include "san/image.hpp"

namespace san {

/// How a stored picture must be turned to stand upright: flip left to right first, then turn clockwise.
struct Orientation {
  bool flipped = false;
  int quarter_turns = 0;
};

/// The orientation an EXIF block (TIFF header "II*" or "MM*" first) states; upright when it states none or is
/// damaged.
Orientation exif_orientation(std::span<const std::byte> exif);

Image oriented(Image image, Orientation orientation);

}  // namespace san
