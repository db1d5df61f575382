#include "world/scene.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "world/things.h"

namespace san {
namespace {

/// Part of box a that box b covers, in 0..1; boxes are the poses' upright extents.
float overlap(const Pose& a, const Pose& b) {
  const float w =
      std::min(a.x + a.width / 2, b.x + b.width / 2) - std::max(a.x - a.width / 2, b.x - b.width / 2);
  const float h =
      std::min(a.y + a.height / 2, b.y + b.height / 2) - std::max(a.y - a.height / 2, b.y - b.height / 2);
  if (w <= 0 || h <= 0) return 0;
  return w * h / std::max(1.0f, std::min(a.width * a.height, b.width * b.height));
}

void place(Thing& thing, const Backdrop& backdrop, const SceneOptions& options, float aspect, Rng& rng) {
  const auto h = static_cast<float>(options.height), w = static_cast<float>(options.width);
  float size = 0;
  if (backdrop.top_view) {
    size = h * rng.uniform(0.18f, 0.46f);
  } else if (thing.floats) {
    size = h * rng.uniform(0.16f, 0.36f);
  } else {
    const float span = h - backdrop.horizon, near = rng.uniform(0.1f, 1.0f);
    thing.base = backdrop.horizon + span * near + h * 0.02f;
    size = h * (0.16f + 0.40f * near) * rng.uniform(0.85f, 1.15f);
  }
  thing.pose.width = aspect >= 1 ? size : size * aspect;
  thing.pose.height = aspect >= 1 ? size / aspect : size;
  thing.pose.x = rng.uniform(0.04f, 0.96f) * w;
  if (backdrop.top_view)
    thing.pose.y = rng.uniform(0.06f, 0.94f) * h;
  else if (thing.floats)
    thing.pose.y = rng.uniform(0.08f, 0.6f) * h;
  else
    thing.pose.y = thing.base - 0.5f * thing.pose.height;
  if (thing.floats || backdrop.top_view) thing.base = thing.pose.y + 0.5f * thing.pose.height;
}

bool drop_hidden(std::vector<Thing>& things, const LabelMap& instances, int fewest) {
  for (auto& thing : things) thing.visible = 0;
  for (const auto value : instances.labels)
    if (value != 0) ++things[static_cast<std::size_t>(value - 1)].visible;
  return std::erase_if(things, [&](const Thing& t) { return t.visible < fewest; }) > 0;
}

void cast_shadow(Image& image, const Thing& thing, const Backdrop& backdrop, float strength) {
  if (backdrop.top_view) {
    const int shift = std::max(2, static_cast<int>(0.05f * thing.pose.height));
    drop_shadow(image, thing.layer, shift, shift + 1, strength);
  } else if (!thing.floats) {
    const float reach = 0.55f * thing.pose.width;
    soft_ellipse(image, thing.pose.x, thing.base - 0.015f * thing.pose.height, reach, 0.24f * reach + 2.0f,
                 strength);
  }
}

}  // namespace

SpriteStyle random_style(Rng& rng, float amount, int size) {
  SpriteStyle style;
  if (!rng.chance(amount)) {
    const float light = rng.uniform(0.88f, 1.12f);
    style.colour = colour_matrix(0, rng.uniform(0.85f, 1.15f), {light, light, light}, 0);
    return style;
  }
  const float turn = rng.chance(0.8f) ? rng.uniform(-0.06f, 0.06f) : rng.uniform(-0.5f, 0.5f);
  const float saturation = rng.chance(0.12f) ? rng.uniform(0, 0.2f) : rng.uniform(0.5f, 1.5f);
  const float light = rng.uniform(0.7f, 1.25f), bias = rng.uniform(-18, 18);
  style.colour = colour_matrix(turn, saturation,
                               {light * rng.uniform(0.85f, 1.15f), light * rng.uniform(0.85f, 1.15f),
                                light * rng.uniform(0.85f, 1.15f)},
                               bias);
  const bool inked = rng.chance(0.3f);
  if (inked) {
    style.ink_levels = rng.between(4, 12);
    style.ink_reach =
        std::max(1, static_cast<int>(rng.uniform(0.005f, 0.022f) * static_cast<float>(size) + 0.5f));
    style.ink_contrast = rng.between(35, 90);
  }
  if (rng.chance(inked ? 0.85f : 0.4f)) {
    style.outline_radius =
        std::max(1, static_cast<int>(rng.uniform(0.008f, 0.03f) * static_cast<float>(size) + 0.5f));
    const auto shade = static_cast<std::uint32_t>(rng.chance(0.8f) ? rng.below(50) : 255 - rng.below(30));
    style.outline_colour = shade * 0x010101u;
  }
  if (rng.chance(0.35f)) {
    style.wave = rng.uniform(-0.05f, 0.05f);
    style.wave_phase = rng.uniform();
  }
  return style;
}

void draw_styled(const Pyramid& sprite, const Pose& pose, const SpriteStyle& style, int canvas_height,
                 int canvas_width, Layer& layer) {
  draw_sprite(sprite, pose, style.colour, canvas_height, canvas_width, style.outline_radius, layer);
  if (style.ink_levels > 0)
    ink(layer, style.ink_levels, style.ink_reach, style.ink_contrast, style.outline_colour);
  outline(layer, style.outline_radius, style.outline_colour);
}

Stage set_stage(const World& world, const SceneContent& content, const SceneOptions& options, Rng& rng) {
  require(options.height >= 32 && options.width >= 32, "a scene of {}×{} is too small; 32 at least",
          options.height, options.width);
  require(content.sprites && content.subjects && !content.subjects->empty(),
          "a scene needs concepts to show");
  require(options.fewest >= 1 && options.most >= options.fewest && options.most <= 64,
          "a scene of {} to {} objects: 1 to 64 are possible", options.fewest, options.most);
  Stage stage;
  stage.image = Image(options.height, options.width);
  stage.labels = LabelMap(options.height, options.width);
  const Backdrop backdrop = stage.backdrop =
      paint_backdrop(world, options, content.test_backgrounds, rng, stage.image, stage.labels);

  std::vector<Thing>& things = stage.things;
  things.resize(static_cast<std::size_t>(rng.between(options.fewest, options.most)));
  for (std::size_t i = 0; i < things.size(); ++i) {
    Thing& thing = things[i];
    const bool again = i > 0 && rng.chance(0.08f);
    thing.subject = again ? things[i - 1].subject
                          : (*content.subjects)[static_cast<std::size_t>(
                                rng.below(static_cast<int>(content.subjects->size())))];
    thing.sprite = &content.sprites->pick(thing.subject, rng);
    thing.style = random_style(rng, options.restyle, options.height / 3);
    thing.floats = !backdrop.top_view && rng.chance(0.1f);
    thing.stands = !thing.floats && !backdrop.top_view;
    thing.pose.turns = thing.stands        ? 0.022f * rng.normal()
                       : backdrop.top_view ? rng.uniform()
                                           : 0.05f * rng.normal();
    thing.pose.flip = rng.chance(0.5f);
    thing.pose.wave = thing.style.wave;
    thing.pose.wave_phase = thing.style.wave_phase;
    const float aspect = thing.sprite->aspect() * rng.uniform(0.92f, 1.08f);
    // Of a few places the least crowded one, so that occlusion happens without burying things.
    const int tries = rng.chance(0.25f) ? 1 : 4;
    Thing best = thing;
    float best_overlap = 1e9f;
    for (int k = 0; k < tries; ++k) {
      Thing trial = thing;
      place(trial, backdrop, options, aspect, rng);
      float sum = 0;
      for (std::size_t j = 0; j < i; ++j) sum += overlap(trial.pose, things[j].pose);
      if (sum < best_overlap) {
        best_overlap = sum;
        best = trial;
      }
    }
    thing = best;
    draw_styled(thing.sprite->pyramid, thing.pose, thing.style, options.height, options.width, thing.layer);
  }
  std::stable_sort(things.begin(), things.end(),
                   [](const Thing& a, const Thing& b) { return a.base < b.base; });
  return stage;
}

void stack(const std::vector<Thing>& things, LabelMap& instances) {
  std::fill(instances.labels.begin(), instances.labels.end(), Label{0});
  for (std::size_t i = 0; i < things.size(); ++i)
    label(things[i].layer, instances, static_cast<Label>(i + 1));
}

void paint_things(const std::vector<Thing>& things, const Backdrop& backdrop, float shade, Image& image) {
  for (const Thing& thing : things) {
    cast_shadow(image, thing, backdrop, shade);
    blend(thing.layer, image);
  }
}

Development random_development(Rng& rng) {
  Development d;
  if (rng.chance(0.2f)) d.blurs = rng.between(1, 2);
  const float light = rng.uniform(0.82f, 1.12f);
  d.gain = {light * rng.uniform(0.95f, 1.05f), light * rng.uniform(0.97f, 1.03f),
            light * rng.uniform(0.95f, 1.05f)};
  d.bias = rng.uniform(-8, 12);
  d.noise = rng.chance(0.7f) ? rng.uniform(0.5f, 6.0f) : 0.0f;
  return d;
}

Scene compose_scene(const World& world, const SceneContent& content, const SceneOptions& options, Rng rng) {
  Stage stage = set_stage(world, content, options, rng);
  std::vector<Thing>& things = stage.things;
  Scene scene;
  scene.image = std::move(stage.image);
  scene.labels = std::move(stage.labels);
  scene.stuff = stage.backdrop.stuff;
  scene.top_view = stage.backdrop.top_view;

  LabelMap instances(options.height, options.width);
  stack(things, instances);
  while (drop_hidden(things, instances, options.fewest_visible_pixels)) stack(things, instances);

  paint_things(things, stage.backdrop, rng.uniform(0.25f, 0.6f), scene.image);
  for (std::size_t i = 0; i < instances.labels.size(); ++i)
    if (const auto value = instances.labels[i]; value != 0)
      scene.labels.labels[i] = static_cast<Label>(things[static_cast<std::size_t>(value - 1)].subject);
  for (auto thing = things.rbegin(); thing != things.rend(); ++thing)
    scene.subjects.push_back(thing->subject);

  const Development d = random_development(rng);
  blur(scene.image, d.blurs);
  develop(scene.image, d.gain, d.bias, d.noise, rng.next());
  return scene;
}

}  // namespace san
