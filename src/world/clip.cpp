#include "world/clip.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "world/things.h"

namespace san {
namespace {

/// How one thing moves over a whole clip, in pixels and turns.
struct Motion {
  float dx = 0, dy = 0;        ///< from the first frame to the last
  float sway = 0, bob = 0;     ///< turns and pixels, there and back
  float sways = 0, phase = 0;  ///< how often
};

Motion random_motion(const Thing& thing, const ClipOptions& o, bool top_view, Rng& rng) {
  Motion m;
  const auto w = static_cast<float>(o.scene.width);
  m.sway = rng.uniform(0, 0.02f);
  m.sways = rng.uniform(0.5f, 2.0f);
  m.phase = rng.uniform();
  if (thing.floats) m.bob = rng.uniform(0, 0.04f) * w;
  if (!rng.chance(o.moving)) return m;
  m.dx = rng.uniform(-o.speed, o.speed) * w;
  if (top_view) m.dy = rng.uniform(-o.speed, o.speed) * w;
  return m;
}

/// A window of a larger picture.
template <class Picture>
void crop_rows(const Picture& from, int y0, int x0, int channels, Picture& to) {
  for (int y = 0; y < to.height; ++y)
    std::copy_n(from.row(y0 + y) + static_cast<std::ptrdiff_t>(x0) * channels,
                static_cast<std::ptrdiff_t>(to.width) * channels, to.row(y));
}

}  // namespace

struct SceneClip::Impl {
  ClipOptions options;
  Stage stage;  ///< on a canvas that the camera does not see all of
  std::vector<Motion> motions;
  float shade = 0;
  Development development;
  std::uint64_t noise = 0;
  float from_y = 0, from_x = 0, to_y = 0, to_x = 0;  ///< the camera's window, free rows and columns as 1
};

SceneClip::SceneClip(SceneClip&&) noexcept = default;
SceneClip::~SceneClip() = default;

SceneClip::SceneClip(const World& world, const SceneContent& content, const ClipOptions& options, Rng rng)
    : impl_(std::make_unique<Impl>()) {
  require(options.frames >= 1 && options.frames <= 100000, "a clip of {} frames: 1 to 100000 are possible",
          options.frames);
  require(options.camera >= 0 && options.camera <= 1, "a camera that pans over {} of the picture: 0 to 1",
          options.camera);
  Impl& c = *impl_;
  c.options = options;
  SceneOptions canvas = options.scene;
  canvas.height += static_cast<int>(options.camera * static_cast<float>(canvas.height));
  canvas.width += static_cast<int>(options.camera * static_cast<float>(canvas.width));
  c.stage = set_stage(world, content, canvas, rng);
  for (const Thing& thing : c.stage.things)
    c.motions.push_back(random_motion(thing, options, c.stage.backdrop.top_view, rng));
  c.shade = rng.uniform(0.25f, 0.6f);
  c.development = random_development(rng);
  c.noise = rng.next();
  c.from_y = rng.uniform(), c.from_x = rng.uniform(), c.to_y = rng.uniform(), c.to_x = rng.uniform();
}

int SceneClip::frames() const {
  return impl_->options.frames;
}

Scene SceneClip::frame(int index) const {
  const Impl& c = *impl_;
  require(index >= 0 && index < c.options.frames, "frame {} of a clip of {}", index, c.options.frames);
  const float t =
      c.options.frames > 1 ? static_cast<float>(index) / static_cast<float>(c.options.frames - 1) : 0;
  Image canvas = c.stage.image;
  LabelMap labels = c.stage.labels;
  std::vector<Thing> things = c.stage.things;
  for (std::size_t i = 0; i < things.size(); ++i) {
    const Motion& m = c.motions[i];
    Thing& thing = things[i];
    const float wave = sine_cosine_turns(m.phase + m.sways * t).sine;
    // What goes to the right starts to the left of its place, so that it passes there in the middle.
    thing.pose.x += m.dx * (t - 0.5f);
    thing.pose.y += m.dy * (t - 0.5f) + m.bob * wave;
    thing.pose.turns += m.sway * wave;
    draw_styled(thing.sprite->pyramid, thing.pose, thing.style, canvas.height, canvas.width, thing.layer);
  }
  LabelMap instances(canvas.height, canvas.width);
  stack(things, instances);
  paint_things(things, c.stage.backdrop, c.shade, canvas);
  for (std::size_t i = 0; i < instances.labels.size(); ++i)
    if (const auto value = instances.labels[i]; value != 0)
      labels.labels[i] = static_cast<Label>(things[static_cast<std::size_t>(value - 1)].subject);

  Scene scene;
  scene.image = Image(c.options.scene.height, c.options.scene.width);
  scene.labels = LabelMap(c.options.scene.height, c.options.scene.width);
  const auto place = [&](float from, float to, int free) {
    return static_cast<int>(std::floor((from + (to - from) * t) * static_cast<float>(free) + 0.5f));
  };
  const int y0 = place(c.from_y, c.to_y, canvas.height - scene.image.height),
            x0 = place(c.from_x, c.to_x, canvas.width - scene.image.width);
  crop_rows(canvas, y0, x0, 3, scene.image);
  crop_rows(labels, y0, x0, 1, scene.labels);
  scene.stuff = c.stage.backdrop.stuff;
  scene.top_view = c.stage.backdrop.top_view;
  for (auto thing = things.rbegin(); thing != things.rend(); ++thing)
    scene.subjects.push_back(thing->subject);
  const Development& d = c.development;
  blur(scene.image, d.blurs);
  develop(scene.image, d.gain, d.bias, d.noise, c.noise + static_cast<std::uint64_t>(index));
  return scene;
}

}  // namespace san
