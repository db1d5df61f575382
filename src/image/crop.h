#pragma once
#include "san/image.hpp"

namespace san {

/// The rectangle of `height` × `width` pixels whose upper left corner is (y, x). Throws Error unless it lies
/// inside the image.
Image crop(const Image& image, int y, int x, int height, int width);

/// Left and right exchanged.
Image mirrored(const Image& image);

}  // namespace san
