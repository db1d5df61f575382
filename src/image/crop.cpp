#include "image/crop.h"

#include <algorithm>

#include "base/error.h"

namespace san {

Image crop(const Image& image, int y, int x, int height, int width) {
  require(
      y >= 0 && x >= 0 && height > 0 && width > 0 && y <= image.height - height && x <= image.width - width,
      "crop: {}x{} pixels at ({}, {}) leave the image of {}x{}", height, width, y, x, image.height,
      image.width);
  Image out(height, width);
  for (int row = 0; row < height; ++row)
    std::copy_n(image.row(y + row) + static_cast<std::ptrdiff_t>(x) * 3, out.row_bytes(), out.row(row));
  return out;
}

Image mirrored(const Image& image) {
  Image out(image.height, image.width);
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x)
      std::copy_n(image.row(y) + static_cast<std::ptrdiff_t>(x) * 3, 3,
                  out.row(y) + static_cast<std::ptrdiff_t>(image.width - 1 - x) * 3);
  return out;
}

}  // namespace san
