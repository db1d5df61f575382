#include "draw/canvas.h"

#include <algorithm>
#include <cmath>

namespace san::canvas {

void blend(std::uint8_t* pixel, const Rgb& color, float opacity) {
  for (std::size_t c = 0; c < 3; ++c) {
    const auto below = static_cast<float>(pixel[c]), above = static_cast<float>(color[c]);
    const float rounded = below + (above - below) * opacity + 0.5f;
    pixel[c] = static_cast<std::uint8_t>(rounded);
  }
}

void fill_rounded(Image& image, const Box& box, float radius, const Rgb& color, float opacity) {
  const float half_width = 0.5f * static_cast<float>(box.width),
              half_height = 0.5f * static_cast<float>(box.height);
  radius = std::min({radius, half_width, half_height});
  for (int y = std::max(0, box.y); y < std::min(image.height, box.y + box.height); ++y)
    for (int x = std::max(0, box.x); x < std::min(image.width, box.x + box.width); ++x) {
      // Distance of the pixel's centre from the outline, positive outside.
      const float dx = std::abs(static_cast<float>(x - box.x) + 0.5f - half_width) - (half_width - radius);
      const float dy = std::abs(static_cast<float>(y - box.y) + 0.5f - half_height) - (half_height - radius);
      const float outside =
          std::hypot(std::max(dx, 0.0f), std::max(dy, 0.0f)) + std::min(std::max(dx, dy), 0.0f) - radius;
      blend(image.row(y) + 3 * x, color, opacity * std::clamp(0.5f - outside, 0.0f, 1.0f));
    }
}

Rgb ink_on(const Rgb& color) {
  const double luma = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2];
  return luma > 140 ? Rgb{16, 18, 22} : Rgb{255, 255, 255};
}

}  // namespace san::canvas
