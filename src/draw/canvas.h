#pragma once
#include "san/colors.hpp"
#include "san/image.hpp"

/// The few drawing primitives of the overlay.
namespace san::canvas {

struct Box {
  int x = 0, y = 0, width = 0, height = 0;
  bool overlaps(const Box& other) const {
    return x < other.x + other.width && other.x < x + width && y < other.y + other.height &&
           other.y < y + height;
  }
};

/// Mixes `color` in with the given opacity (0 … 1).
void blend(std::uint8_t* pixel, const Rgb& color, float opacity);
/// A box with rounded, smooth corners; what leaves the image is cut.
void fill_rounded(Image& image, const Box& box, float radius, const Rgb& color, float opacity = 1.0f);
/// Black or white, whichever reads better on `color`.
Rgb ink_on(const Rgb& color);

}  // namespace san::canvas
