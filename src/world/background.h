#pragma once
#include <vector>

#include "world/scene.h"

namespace san {

/// What was painted behind the objects.
struct Backdrop {
  std::vector<int> stuff;  ///< ground first
  float horizon = 0;       ///< row where the ground begins; 0 for a view from above
  bool top_view = false;
};

/// Fills image and labels. `concepts` offsets the stuff labels.
Backdrop paint_backdrop(const World& world, const SceneOptions& options, bool test_backgrounds, Rng& rng,
                        Image& image, LabelMap& labels);

/// A plain background, colour or gradient.
void paint_plain(Rng& rng, Image& image);
/// Part of a texture or a panorama, without labels; returns the stuff class or -1.
int paint_crop(const World& world, bool test_backgrounds, Rng& rng, Image& image);
/// One stuff class over the whole picture.
void paint_stuff_crop(const World& world, int stuff, Rng& rng, Image& image);

}  // namespace san
