#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "san/image.hpp"
#include "world/pictures.h"

namespace san {

/// A picture with its halved copies. Pixels are 0xAABBGGRR with colour multiplied by alpha; sprites carry a
/// transparent border of one pixel, opaque pictures wrap around.
struct Pyramid {
  struct Level {
    int height = 0, width = 0;
    std::vector<std::uint32_t> pixels;
    const std::uint32_t* row(int y) const {
      return pixels.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(width);
    }
  };
  std::vector<Level> levels;
  /// The finest level whose pixels are at least about as large as `scale` source pixels per drawn pixel.
  int level_for(float scale) const;
};

Pyramid sprite_pyramid(const Picture& sprite);
/// Of an RGB picture whose sides are powers of two.
Pyramid tile_pyramid(const std::uint8_t* rgb, int height, int width);

/// Mixes two packed pixels, weight of b in 1/256.
inline std::uint32_t mix(std::uint32_t a, std::uint32_t b, std::uint32_t weight) {
  constexpr std::uint32_t kMask = 0x00ff00ffu;
  const std::uint32_t inverse = 256 - weight;
  const std::uint32_t low = (((a & kMask) * inverse + (b & kMask) * weight) >> 8) & kMask;
  const std::uint32_t high = ((((a >> 8) & kMask) * inverse + ((b >> 8) & kMask) * weight)) & ~kMask;
  return low | high;
}

/// Bilinear sample of a level at fixed-point coordinates (16 fractional bits), wrapping; sides are powers of
/// two.
inline std::uint32_t sample_wrapped(const Pyramid::Level& level, std::int32_t u, std::int32_t v) {
  const int mask_x = level.width - 1, mask_y = level.height - 1;
  const int x = (u >> 16) & mask_x, y = (v >> 16) & mask_y;
  const int x1 = (x + 1) & mask_x;
  const std::uint32_t* r0 = level.row(y);
  const std::uint32_t* r1 = level.row((y + 1) & mask_y);
  const std::uint32_t fx = (static_cast<std::uint32_t>(u) >> 8) & 255u,
                      fy = (static_cast<std::uint32_t>(v) >> 8) & 255u;
  return mix(mix(r0[x], r0[x1], fx), mix(r1[x], r1[x1], fx), fy);
}

/// Linear change of RGB, in 1/256, kept inside [0, alpha] of premultiplied pixels.
struct ColourMatrix {
  std::array<std::int32_t, 9> m{256, 0, 0, 0, 256, 0, 0, 0, 256};
  std::array<std::int32_t, 3> bias{};  ///< of full alpha
  bool identity = true;

  std::uint32_t apply(std::uint32_t pixel) const;
};
/// Hue turned by `hue_turns`, saturation, gain per channel and bias (0..255).
ColourMatrix colour_matrix(float hue_turns, float saturation, const std::array<float, 3>& gain, float bias);

/// How a sprite lies on the canvas.
struct Pose {
  float x = 0, y = 0;           ///< centre, pixels
  float height = 1, width = 1;  ///< drawn size before turning, pixels
  float turns = 0;              ///< clockwise on screen
  float shear = 0;
  bool flip = false;
  float wave = 0, wave_phase = 0;  ///< elastic distortion: amplitude as a part of the sprite, phase in turns
};

/// A drawn sprite before it is laid on the canvas: a window of premultiplied pixels.
struct Layer {
  int x = 0, y = 0, height = 0, width = 0;
  std::vector<std::uint32_t> pixels;
};

/// Draws into `layer` (storage is reused), clipped to the canvas, `margin` free pixels around the sprite.
void draw_sprite(const Pyramid& sprite, const Pose& pose, const ColourMatrix& colour, int canvas_height,
                 int canvas_width, int margin, Layer& layer);

/// Puts a line of `radius` pixels around the drawn sprite.
void outline(Layer& layer, int radius, std::uint32_t colour);

/// Redraws a shaded sprite as a flat one with contours: opaque pixels keep `levels` values per channel, and
/// pixels that differ from one `reach` pixels to the right or below by more than `contrast` in any channel
/// take `colour`.
void ink(Layer& layer, int levels, int reach, int contrast, std::uint32_t colour);

/// Lays the layer over the picture; `visit` style label writing is separate so that pretraining crops skip
/// it.
void blend(const Layer& layer, Image& canvas);
/// Writes `value` wherever the layer's alpha is above one half.
void label(const Layer& layer, LabelMap& labels, Label value);

/// Darkens the canvas by `strength` (0..1) inside a soft ellipse: the contact shadow of something that
/// stands.
void soft_ellipse(Image& canvas, float x, float y, float radius_x, float radius_y, float strength);
/// Darkens by the layer's shape, moved by (dx, dy) and softened: the shadow of something that lies.
void drop_shadow(Image& canvas, const Layer& layer, int dx, int dy, float strength);

/// Binomial 3×3 blur, `times` times.
void blur(Image& image, int times);
/// v → gain[c]·v + bias + noise, noise of standard deviation `noise` grey levels chosen by `key`.
void develop(Image& image, const std::array<float, 3>& gain, float bias, float noise, std::uint64_t key);

}  // namespace san
