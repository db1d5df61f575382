#pragma once
#include <vector>

#include "world/background.h"
#include "world/scene.h"

/// What scenes and clips are made of: a backdrop and things before it. Inside this room only.
namespace san {

struct Thing {
  int subject = 0;
  const World::Sprite* sprite = nullptr;
  SpriteStyle style;
  bool stands = true, floats = false;
  float base = 0;  ///< row where it touches the ground
  Pose pose;
  Layer layer;
  int visible = 0;
};

struct Stage {
  Image image;      ///< the backdrop alone
  LabelMap labels;  ///< of it
  Backdrop backdrop;
  std::vector<Thing> things;  ///< drawn, from far to near
};

/// Throws Error as compose_scene() does.
Stage set_stage(const World& world, const SceneContent& content, const SceneOptions& options, Rng& rng);

/// Instance index + 1 of whatever lies on top of each pixel; 0: background.
void stack(const std::vector<Thing>& things, LabelMap& instances);

/// Shadows, then the things, over the picture.
void paint_things(const std::vector<Thing>& things, const Backdrop& backdrop, float shade, Image& image);

/// How a scene was photographed.
struct Development {
  int blurs = 0;
  std::array<float, 3> gain{1, 1, 1};
  float bias = 0, noise = 0;
};
Development random_development(Rng& rng);

}  // namespace san
