#pragma once
#include <string>
#include <vector>

#include "base/labels.h"
#include "base/random.h"
#include "san/image.hpp"
#include "world/raster.h"
#include "world/world.h"

namespace san {

struct SceneOptions {
  int height = 256, width = 256;
  int fewest = 3, most = 8;        ///< objects
  float panorama = 0.28f;          ///< share of photographic panoramas (label ignore) behind the objects
  float top_view = 0.14f;          ///< share of views straight down on one ground
  float restyle = 0.35f;           ///< share of sprites with changed hue, drawn outline or slight distortion
  int fewest_visible_pixels = 60;  ///< objects hidden more than that are left out
};

/// A composed picture with exact labels: concept index, or concepts().size() + stuff index, or kNoLabel.
struct Scene {
  Image image;
  LabelMap labels;
  std::vector<int> subjects;  ///< concept per visible object, front to back; a concept may occur twice
  std::vector<int> stuff;     ///< classes of the background, ground first; empty: unknown
  bool top_view = false;
};

/// What may appear: sprites by role and concept, and whether backgrounds that are kept for tests may.
struct SceneContent {
  const SpritePool* sprites = nullptr;
  const std::vector<int>* subjects = nullptr;  ///< drawn from, uniformly
  bool test_backgrounds = false;
};

/// Composes one scene; a pure function of the arguments and `rng`. Throws Error for sizes below 32 or no
/// subjects.
Scene compose_scene(const World& world, const SceneContent& content, const SceneOptions& options, Rng rng);

/// Hue, saturation, gain and sometimes flat colours with contours, an outline and a wave; `amount` in 0..1.
struct SpriteStyle {
  ColourMatrix colour;
  int outline_radius = 0;
  std::uint32_t outline_colour = 0;
  float wave = 0, wave_phase = 0;
  int ink_levels = 0, ink_reach = 1, ink_contrast = 0;  ///< 0 levels: as drawn
};
SpriteStyle random_style(Rng& rng, float amount, int size);
/// Draws a sprite in a style, clipped to the canvas; `layer` is reused.
void draw_styled(const Pyramid& sprite, const Pose& pose, const SpriteStyle& style, int canvas_height,
                 int canvas_width, Layer& layer);

}  // namespace san
