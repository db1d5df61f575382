#pragma once
#include <memory>

#include "world/scene.h"

namespace san {

struct ClipOptions {
  SceneOptions scene;  ///< of one frame
  int frames = 24;
  float camera = 0.22f;  ///< how far the camera pans at most, as a part of the picture's sides
  float moving = 0.6f;   ///< share of the things that go somewhere
  float speed = 0.35f;   ///< how far they go at most, as a part of the picture's width
};

/// A scene that moves, with exact labels: the camera pans over it, things walk, float and turn. Noise is new
/// in every frame; everything else is a pure function of the arguments and `rng`, to the bit.
class SceneClip {
 public:
  /// Throws Error as compose_scene(), and without frames.
  SceneClip(const World& world, const SceneContent& content, const ClipOptions& options, Rng rng);
  SceneClip(SceneClip&&) noexcept;
  ~SceneClip();

  int frames() const;
  /// Frame `index` in [0, frames()). `subjects` are those of the whole clip.
  Scene frame(int index) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace san
