#include "world/background.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace san {
namespace {

constexpr float kFixedOne = 65536.0f;

void put(std::uint8_t* out, std::uint32_t pixel) {
  out[0] = static_cast<std::uint8_t>(pixel);
  out[1] = static_cast<std::uint8_t>(pixel >> 8);
  out[2] = static_cast<std::uint8_t>(pixel >> 16);
}

bool is_sky(int stuff) {
  return stuff <= 1;
}

/// The colour change that makes one tile many.
ColourMatrix tint(Rng& rng) {
  const float light = rng.uniform(0.82f, 1.15f);
  const float saturation = rng.uniform(0.75f, 1.15f), turn = rng.uniform(-0.025f, 0.025f);
  return colour_matrix(turn, saturation,
                       {light * rng.uniform(0.95f, 1.05f), light * rng.uniform(0.95f, 1.05f),
                        light * rng.uniform(0.95f, 1.05f)},
                       0);
}

/// Lays rows [top, bottom) with an affine view of a tile; (ux, uy, vx, vy) tile pixels per drawn pixel.
struct View {
  float u = 0, v = 0, ux = 1, uy = 0, vx = 0, vy = 1;
};
void lay_flat(const Pyramid& tile, const View& view, const ColourMatrix& colour, int top, int bottom,
              Image& image) {
  const float scale =
      std::max(std::fabs(view.ux) + std::fabs(view.vx), std::fabs(view.uy) + std::fabs(view.vy));
  const int index = tile.level_for(scale);
  const auto& level = tile.levels[static_cast<std::size_t>(index)];
  const float shrink = 1.0f / static_cast<float>(1 << index);
  const auto du = static_cast<std::int32_t>(view.ux * shrink * kFixedOne),
             dv = static_cast<std::int32_t>(view.vx * shrink * kFixedOne);
  for (int y = top; y < bottom; ++y) {
    const float fy = static_cast<float>(y);
    auto u = static_cast<std::int32_t>((view.u + view.uy * fy) * shrink * kFixedOne),
         v = static_cast<std::int32_t>((view.v + view.vy * fy) * shrink * kFixedOne);
    std::uint8_t* out = image.row(y);
    for (int x = 0; x < image.width; ++x, u += du, v += dv, out += 3)
      put(out, colour.apply(sample_wrapped(level, u, v)));
  }
}

const Pyramid& texture_of(const World& world, int stuff, bool test_backgrounds, Rng& rng) {
  // Where no test background was fetched (the small pack), the photographs for training serve evaluation too.
  const bool kept_for_tests = std::ranges::any_of(
      world.backgrounds(), [&](const auto& b) { return world.role(b) == Role::kTestBackground; });
  const Role role = test_backgrounds && kept_for_tests ? Role::kTestBackground : Role::kTrainExtra;
  std::vector<const Pyramid*> kept;
  for (const auto& b : world.backgrounds())
    if (b.stuff == stuff && world.role(b) == role) kept.push_back(&b.pyramid);
  if (!kept.empty() && rng.chance(test_backgrounds ? 0.7f : 0.35f))
    return *kept[static_cast<std::size_t>(rng.below(static_cast<int>(kept.size())))];
  return world.stuff().textures[static_cast<std::size_t>(stuff)]
                               [static_cast<std::size_t>(rng.below(StuffTextures::kVariants))];
}

/// A photographic background of the allowed kind, or null when there is none.
const World::Background* photograph(const World& world, bool test_backgrounds, Rng& rng) {
  std::vector<const World::Background*> kept;
  for (const auto& b : world.backgrounds())
    if (b.stuff < 0 && (world.role(b) == Role::kTrain) != test_backgrounds) kept.push_back(&b);
  if (kept.empty()) return nullptr;
  return kept[static_cast<std::size_t>(rng.below(static_cast<int>(kept.size())))];
}

void lay_sky(const Pyramid& panel, const ColourMatrix& colour, Rng& rng, int bottom, Image& image) {
  View view;
  view.ux = rng.uniform(0.7f, 1.4f) * 256.0f / static_cast<float>(image.width);
  view.u = rng.uniform(0, 512);
  // The panel's lowest row meets the horizon; one row is kept from wrapping to the zenith.
  const float shown = rng.uniform(0.55f, 0.95f) * 254.0f;
  view.vy = shown / static_cast<float>(std::max(bottom, 1));
  view.v = 254.0f - shown;
  lay_flat(panel, view, colour, 0, bottom, image);
}

void lay_wall(const Pyramid& tile, const ColourMatrix& colour, Rng& rng, int bottom, Image& image) {
  View view;
  const float scale = rng.uniform(0.7f, 1.7f) * 256.0f / static_cast<float>(image.height);
  view.ux = view.vy = scale;
  view.uy = rng.uniform(-0.05f, 0.05f) * scale;
  view.u = rng.uniform(0, 256);
  view.v = rng.uniform(0, 256);
  lay_flat(tile, view, colour, 0, bottom, image);
}

void lay_ground(const Pyramid& tile, const ColourMatrix& colour, Rng& rng, const std::vector<int>& edge,
                int horizon, Image& image) {
  const float eye = rng.uniform(0.35f, 0.8f);  // how far the bottom row lies below the horizon, as depth
  const float density = rng.uniform(0.8f, 1.5f) * 256.0f / static_cast<float>(image.width);
  const float turn = rng.uniform(-0.09f, 0.09f), shift_u = rng.uniform(0, 256), shift_v = rng.uniform(0, 256);
  const auto [sine, cosine] = sine_cosine_turns(turn);
  const float span = static_cast<float>(image.height - horizon);
  const int first = *std::min_element(edge.begin(), edge.end());
  for (int y = std::max(first, 0); y < image.height; ++y) {
    // Depth of 1 at the bottom row, growing towards the horizon but never infinite.
    const float below = std::max(static_cast<float>(y - horizon) / span, 0.0f);
    const float depth = 1.0f / (0.1f + 0.9f * below);
    const float step = density * depth, along = 256.0f * eye * depth;
    const int index = tile.level_for(step * 1.6f);
    const auto& level = tile.levels[static_cast<std::size_t>(index)];
    const float shrink = 1.0f / static_cast<float>(1 << index);
    const float left = -0.5f * static_cast<float>(image.width) * step;
    auto u = static_cast<std::int32_t>((shift_u + cosine * left - sine * along) * shrink * kFixedOne),
         v = static_cast<std::int32_t>((shift_v + sine * left + cosine * along) * shrink * kFixedOne);
    const auto du = static_cast<std::int32_t>(cosine * step * shrink * kFixedOne),
               dv = static_cast<std::int32_t>(sine * step * shrink * kFixedOne);
    std::uint8_t* out = image.row(y);
    for (int x = 0; x < image.width; ++x, u += du, v += dv, out += 3)
      if (y >= edge[static_cast<std::size_t>(x)]) put(out, colour.apply(sample_wrapped(level, u, v)));
  }
}

/// A perspective view into an equirectangular panorama; returns the row of the horizon.
float lay_panorama(const Pyramid& panorama, Rng& rng, Image& image) {
  const auto& level = panorama.levels.front();
  const float yaw = rng.uniform(), pitch = rng.uniform(-0.035f, 0.045f), zoom = rng.uniform(0.55f, 1.0f);
  const bool flip = rng.chance(0.5f);
  const auto [sine, cosine] = sine_cosine_turns(pitch);
  constexpr int kStep = 16;
  const int gw = image.width / kStep + 2, gh = image.height / kStep + 2;
  std::vector<float> us(static_cast<std::size_t>(gw * gh)), vs(us.size());
  const float unit = 2.0f * zoom / static_cast<float>(image.width);
  for (int gy = 0; gy < gh; ++gy)
    for (int gx = 0; gx < gw; ++gx) {
      const float px = (static_cast<float>(gx * kStep) - 0.5f * static_cast<float>(image.width)) * unit *
                       (flip ? -1.0f : 1.0f),
                  py = (static_cast<float>(gy * kStep) - 0.5f * static_cast<float>(image.height)) * unit;
      const float forward = cosine - sine * py, down = sine + cosine * py;
      const auto i = static_cast<std::size_t>(gy * gw + gx);
      us[i] = (yaw + atan2_turns(px, forward)) * static_cast<float>(level.width);
      vs[i] = (0.25f + atan2_turns(down, std::sqrt(px * px + forward * forward))) * 2.0f *
              static_cast<float>(level.height);
    }
  const float lowest = static_cast<float>(level.height) - 1.01f;
  for (int y = 0; y < image.height; ++y) {
    std::uint8_t* out = image.row(y);
    const int gy = y / kStep;
    const float ty = static_cast<float>(y % kStep) / kStep;
    for (int gx = 0; gx * kStep < image.width; ++gx) {
      const auto i = static_cast<std::size_t>(gy * gw + gx), j = i + static_cast<std::size_t>(gw);
      const float u0 = us[i] + (us[j] - us[i]) * ty, u1 = us[i + 1] + (us[j + 1] - us[i + 1]) * ty;
      const float v0 = vs[i] + (vs[j] - vs[i]) * ty, v1 = vs[i + 1] + (vs[j + 1] - vs[i + 1]) * ty;
      const int count = std::min(kStep, image.width - gx * kStep);
      for (int x = 0; x < count; ++x, out += 3) {
        const float tx = static_cast<float>(x) / kStep;
        const float v = std::clamp(v0 + (v1 - v0) * tx, 0.0f, lowest);
        put(out, sample_wrapped(level, static_cast<std::int32_t>((u0 + (u1 - u0) * tx) * kFixedOne),
                                static_cast<std::int32_t>(v * kFixedOne)));
      }
    }
  }
  return 0.5f * static_cast<float>(image.height) - sine / cosine / unit;
}

/// A part of a photograph that is no panorama, mirrored at random, never wrapping.
void lay_photograph(const Pyramid& photo, Rng& rng, Image& image) {
  const auto& level = photo.levels.front();
  const float part = rng.uniform(0.6f, 0.97f);
  const float scale =
      part * std::min(static_cast<float>(level.width - 2) / static_cast<float>(image.width),
                      static_cast<float>(level.height - 2) / static_cast<float>(image.height));
  View view;
  const bool flip = rng.chance(0.5f);
  view.ux = flip ? -scale : scale;
  view.vy = scale;
  const float free_u = static_cast<float>(level.width - 2) - scale * static_cast<float>(image.width),
              free_v = static_cast<float>(level.height - 2) - scale * static_cast<float>(image.height);
  view.u = rng.uniform() * free_u + (flip ? scale * static_cast<float>(image.width) : 0.0f);
  view.v = rng.uniform() * free_v;
  lay_flat(photo, view, ColourMatrix{}, 0, image.height, image);
}

float lay_any_photograph(const World::Background& background, Rng& rng, Image& image) {
  if (background.panorama) return lay_panorama(background.pyramid, rng, image);
  lay_photograph(background.pyramid, rng, image);
  return 0.45f * static_cast<float>(image.height);
}

View free_view(Rng& rng, float low, float high) {
  const float scale = rng.uniform(low, high);
  const auto [sine, cosine] = sine_cosine_turns(rng.uniform());
  View view;
  view.ux = scale * cosine;
  view.vx = scale * sine;
  view.uy = -scale * sine;
  view.vy = scale * cosine;
  view.u = rng.uniform(0, 256);
  view.v = rng.uniform(0, 256);
  return view;
}

/// A ground that goes with the wall: no tiles under the sky, no grass indoors.
int ground_for(int wall, Rng& rng) {
  enum {
    kSky,
    kNightSky,
    kBrickWall,
    kWallpaper,
    kHedge,
    kGrass,
    kSand,
    kWater,
    kSnow,
    kWood,
    kStone,
    kSoil,
    kRoad,
    kTiles
  };
  constexpr int kOutdoors[] = {kGrass, kSand, kWater, kSnow, kStone, kSoil, kRoad};
  constexpr int kIndoors[] = {kWood, kTiles};
  constexpr int kByBricks[] = {kGrass, kStone, kSoil, kRoad, kTiles, kWood, kSnow};
  constexpr int kByHedge[] = {kGrass, kStone, kSoil, kRoad, kSand, kSnow};
  if (wall == kWallpaper) return kIndoors[rng.below(2)];
  if (wall == kBrickWall) return kByBricks[rng.below(7)];
  if (wall == kHedge) return kByHedge[rng.below(6)];
  return kOutdoors[rng.below(7)];
}

constexpr int kWalls = 5;
constexpr int kGrounds = 9;

}  // namespace

Backdrop paint_backdrop(const World& world, const SceneOptions& options, bool test_backgrounds, Rng& rng,
                        Image& image, LabelMap& labels) {
  const auto first_stuff = static_cast<int>(world.concepts().size());
  const auto label_of = [&](int stuff) { return static_cast<Label>(first_stuff + stuff); };
  Backdrop backdrop;
  const float kind = rng.uniform();
  if (kind < options.panorama) {
    if (const auto* photo = photograph(world, test_backgrounds, rng)) {
      std::fill(labels.labels.begin(), labels.labels.end(), kNoLabel);
      backdrop.horizon = lay_any_photograph(*photo, rng, image);
      return backdrop;
    }
  }
  if (kind >= options.panorama && kind < options.panorama + options.top_view) {
    const int ground = kWalls + rng.below(kGrounds);
    const Pyramid& tile = texture_of(world, ground, test_backgrounds, rng);
    const float unit = 256.0f / static_cast<float>(image.height);
    const View view = free_view(rng, 0.7f * unit, 1.5f * unit);
    const ColourMatrix colour = tint(rng);
    lay_flat(tile, view, colour, 0, image.height, image);
    std::fill(labels.labels.begin(), labels.labels.end(), label_of(ground));
    backdrop.stuff = {ground};
    backdrop.top_view = true;
    return backdrop;
  }
  const int wall = rng.chance(0.4f) ? rng.below(2) : rng.below(kWalls);
  const int ground = ground_for(wall, rng);
  const auto horizon = static_cast<int>(rng.uniform(0.25f, 0.62f) * static_cast<float>(image.height));
  // Grass, sand, snow and soil meet the wall in a line that is not straight.
  std::vector<int> edge(static_cast<std::size_t>(image.width), horizon);
  const bool uneven = (ground == 5 || ground == 6 || ground == 8 || ground == 11) && rng.chance(0.6f);
  if (uneven) {
    const float height = rng.uniform(0.008f, 0.035f) * static_cast<float>(image.height),
                phase = rng.uniform(), waves = rng.uniform(0.5f, 2.2f);
    for (int x = 0; x < image.width; ++x) {
      const float t = static_cast<float>(x) / static_cast<float>(image.width);
      edge[static_cast<std::size_t>(x)] +=
          static_cast<int>(std::floor(height * (sine_cosine_turns(phase + waves * t).sine +
                                                0.5f * sine_cosine_turns(2.7f * waves * t - phase).sine)));
    }
  }
  const int lowest = std::min(*std::max_element(edge.begin(), edge.end()), image.height);
  const Pyramid& wall_tile = texture_of(world, wall, test_backgrounds, rng);
  const ColourMatrix wall_colour = tint(rng);
  if (is_sky(wall))
    lay_sky(wall_tile, wall_colour, rng, lowest, image);
  else
    lay_wall(wall_tile, wall_colour, rng, lowest, image);
  const Pyramid& ground_tile = texture_of(world, ground, test_backgrounds, rng);
  ColourMatrix ground_colour = tint(rng);
  if (wall == 1)
    for (auto& m : ground_colour.m) m = m * 5 / 8;
  lay_ground(ground_tile, ground_colour, rng, edge, horizon, image);
  for (int y = 0; y < image.height; ++y) {
    Label* out = labels.row(y);
    for (int x = 0; x < image.width; ++x)
      out[x] = label_of(y < edge[static_cast<std::size_t>(x)] ? wall : ground);
  }
  backdrop.stuff = {ground, wall};
  backdrop.horizon = static_cast<float>(horizon);
  return backdrop;
}

void paint_plain(Rng& rng, Image& image) {
  const auto colour = [&] {
    std::array<float, 3> c = {rng.uniform(0, 255), rng.uniform(0, 255), rng.uniform(0, 255)};
    const float grey = (c[0] + c[1] + c[2]) / 3, pull = rng.uniform();
    for (auto& v : c) v += (grey - v) * pull;
    if (rng.chance(0.25f))
      for (auto& v : c) v = 255 - v * 0.1f;
    return c;
  };
  const auto a = colour(), b = rng.chance(0.5f) ? colour() : a;
  const auto [sine, cosine] = sine_cosine_turns(rng.uniform());
  const float span = 1.0f / static_cast<float>(image.width + image.height);
  std::array<std::int32_t, 3> start{}, step{};
  for (int y = 0; y < image.height; ++y) {
    const float t = 0.5f + sine * (static_cast<float>(y) - 0.5f * static_cast<float>(image.height)) * span -
                    0.5f * cosine * static_cast<float>(image.width) * span;
    for (std::size_t c = 0; c < 3; ++c) {
      start[c] = static_cast<std::int32_t>((a[c] + (b[c] - a[c]) * t) * kFixedOne);
      step[c] = static_cast<std::int32_t>((b[c] - a[c]) * cosine * span * kFixedOne);
    }
    std::uint8_t* out = image.row(y);
    for (int x = 0; x < image.width; ++x, out += 3)
      for (std::size_t c = 0; c < 3; ++c) {
        out[c] = static_cast<std::uint8_t>(std::clamp(start[c] >> 16, 0, 255));
        start[c] += step[c];
      }
  }
}

int paint_crop(const World& world, bool test_backgrounds, Rng& rng, Image& image) {
  if (rng.chance(0.35f)) {
    if (const auto* photo = photograph(world, test_backgrounds, rng)) {
      lay_any_photograph(*photo, rng, image);
      return -1;
    }
  }
  if (rng.chance(0.5f)) {
    // Far away, a crop of a scene shows wall and ground together.
    thread_local LabelMap unused;
    unused = LabelMap(image.height, image.width);
    SceneOptions options;
    options.panorama = options.top_view = 0;
    const Backdrop backdrop = paint_backdrop(world, options, test_backgrounds, rng, image, unused);
    return backdrop.stuff.front();
  }
  const int stuff = rng.below(kWalls + kGrounds);
  paint_stuff_crop(world, stuff, rng, image);
  return stuff;
}

void paint_stuff_crop(const World& world, int stuff, Rng& rng, Image& image) {
  const Pyramid& tile = texture_of(world, stuff, false, rng);
  const ColourMatrix colour = tint(rng);
  if (is_sky(stuff)) {
    lay_sky(tile, colour, rng, image.height, image);
  } else if (stuff >= kWalls && rng.chance(0.5f)) {
    const std::vector<int> edge(static_cast<std::size_t>(image.width), 0);
    lay_ground(tile, colour, rng, edge, -image.height / 3, image);
  } else {
    // Textures are seen from near and far: one to four tile pixels per drawn pixel of a small crop.
    const float unit = 64.0f / static_cast<float>(image.height);
    const View view = free_view(rng, 0.8f * unit, 3.5f * unit);
    lay_flat(tile, view, colour, 0, image.height, image);
  }
}

}  // namespace san
