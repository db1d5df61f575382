#include "world/stuff.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/random.h"
#include "world/concepts.h"

namespace san {
namespace {

struct Colour {
  float r = 0, g = 0, b = 0;
};
Colour operator*(Colour c, float f) {
  return {c.r * f, c.g * f, c.b * f};
}
Colour blend(Colour a, Colour b, float t) {
  return {a.r + (b.r - a.r) * t, a.g + (b.g - a.g) * t, a.b + (b.b - a.b) * t};
}
Colour vary(Rng& rng, Colour c, float amount) {
  const float light = rng.uniform(1 - amount, 1 + amount), low = 1 - amount / 5, high = 1 + amount / 5;
  return {c.r * light * rng.uniform(low, high), c.g * light * rng.uniform(low, high),
          c.b * light * rng.uniform(low, high)};
}

struct Ellipse {
  float y, x, long_radius, short_radius, turns;
};

/// A painting surface that wraps.
class Tile {
 public:
  Tile(int height, int width) : image_(height, width) {}
  int height() const { return image_.height; }
  int width() const { return image_.width; }
  void set(int y, int x, Colour c) {
    std::uint8_t* p = at(y, x);
    p[0] = byte(c.r);
    p[1] = byte(c.g);
    p[2] = byte(c.b);
  }
  void over(int y, int x, Colour c, float alpha) {
    std::uint8_t* p = at(y, x);
    set(y, x,
        blend({static_cast<float>(p[0]), static_cast<float>(p[1]), static_cast<float>(p[2])}, c, alpha));
  }
  template <class F>
  void fill(const F& colour_at) {
    for (int y = 0; y < height(); ++y)
      for (int x = 0; x < width(); ++x) set(y, x, colour_at(y, x));
  }
  /// A filled ellipse, turned, soft at the rim. Taken as one braced list, because that fixes the order of the
  /// draws.
  void ellipse(const Ellipse& e, Colour c, float alpha) {
    const auto [cy, cx, long_radius, short_radius, turns] = e;
    const auto [sine, cosine] = sine_cosine_turns(turns);
    const int reach = static_cast<int>(long_radius) + 2;
    for (int dy = -reach; dy <= reach; ++dy)
      for (int dx = -reach; dx <= reach; ++dx) {
        const float u = (cosine * static_cast<float>(dx) + sine * static_cast<float>(dy)) / long_radius,
                    v = (cosine * static_cast<float>(dy) - sine * static_cast<float>(dx)) / short_radius;
        const float inside = (1 - u * u - v * v) * short_radius;
        if (inside > 0)
          over(static_cast<int>(cy) + dy, static_cast<int>(cx) + dx, c * (1.0f - 0.25f * v),
               alpha * std::min(1.0f, inside));
      }
  }
  Image take() { return std::move(image_); }

 private:
  static std::uint8_t byte(float v) { return static_cast<std::uint8_t>(std::clamp(v, 0.0f, 255.0f)); }
  std::uint8_t* at(int y, int x) { return image_.row(y & (height() - 1)) + 3 * (x & (width() - 1)); }
  Image image_;
};

/// Smooth periodic noise in [0, 1]: `cells` lattice cells over one period in each direction.
class Noise {
 public:
  Noise(Rng& rng, int cells_y, int cells_x, int height, int width)
      : key_(rng.next()),
        cells_y_(cells_y),
        cells_x_(cells_x),
        step_y_(static_cast<float>(cells_y) / static_cast<float>(height)),
        step_x_(static_cast<float>(cells_x) / static_cast<float>(width)) {}
  float at(float y, float x) const {
    const float v = y * step_y_, u = x * step_x_;
    const float fv = std::floor(v), fu = std::floor(u);
    const float ty = smooth(v - fv), tx = smooth(u - fu);
    const int iy = static_cast<int>(fv), ix = static_cast<int>(fu);
    const float top = lattice(iy, ix) + (lattice(iy, ix + 1) - lattice(iy, ix)) * tx;
    const float bottom = lattice(iy + 1, ix) + (lattice(iy + 1, ix + 1) - lattice(iy + 1, ix)) * tx;
    return top + (bottom - top) * ty;
  }

 private:
  static float smooth(float t) { return t * t * (3 - 2 * t); }
  float lattice(int y, int x) const {
    const int wy = ((y % cells_y_) + cells_y_) % cells_y_, wx = ((x % cells_x_) + cells_x_) % cells_x_;
    return static_cast<float>(splitmix64(key_ + static_cast<std::uint64_t>(wy * 4096 + wx)) >> 40) * 0x1p-24f;
  }
  std::uint64_t key_;
  int cells_y_, cells_x_;
  float step_y_, step_x_;
};

/// Octaves of Noise, each twice as fine and half as strong.
class Fractal {
 public:
  Fractal(Rng& rng, int cells_y, int cells_x, int octaves, int height = 256, int width = 256) {
    for (int i = 0; i < octaves; ++i) layers_.emplace_back(rng, cells_y << i, cells_x << i, height, width);
  }
  float operator()(int y, int x) const { return at(static_cast<float>(y), static_cast<float>(x)); }
  float at(float y, float x) const {
    float sum = 0, weight = 0.5f, total = 0;
    for (const auto& layer : layers_) {
      sum += weight * layer.at(y, x);
      total += weight;
      weight *= 0.5f;
    }
    return sum / total;
  }

 private:
  std::vector<Noise> layers_;
};

constexpr int kSide = 256;

Image grass(Rng& rng) {
  Tile tile(kSide, kSide);
  const Colour base = vary(rng, {78, 132, 46}, 0.22f);
  const Fractal patches(rng, 4, 4, 3);
  tile.fill([&](int y, int x) { return base * (0.45f + 0.35f * patches(y, x)); });
  const int blades = rng.between(5000, 9000);
  for (int i = 0; i < blades; ++i) {
    const int x0 = rng.below(kSide), y0 = rng.below(kSide), length = rng.between(6, 16);
    const float lean = rng.uniform(-0.45f, 0.45f);
    const Colour c = vary(rng, base, 0.25f) * (0.65f + 0.75f * patches(y0, x0));
    for (int k = 0; k < length; ++k)
      tile.over(y0 - k, x0 + static_cast<int>(lean * static_cast<float>(k)),
                c * (0.8f + 0.03f * static_cast<float>(k)), 0.8f);
  }
  if (rng.chance(0.3f)) {
    const Colour petal = rng.chance(0.5f) ? Colour{245, 245, 235} : Colour{240, 205, 60};
    for (int i = 0; i < 26; ++i)
      tile.ellipse({rng.uniform(0, kSide), rng.uniform(0, kSide), 2.4f, 2.2f, 0}, petal, 0.9f);
  }
  return tile.take();
}

Image sand(Rng& rng) {
  Tile tile(kSide, kSide);
  const Colour base = vary(rng, {222, 190, 138}, 0.12f);
  const Fractal dunes(rng, 3, 3, 4), bend(rng, 2, 2, 2);
  const float ripples = static_cast<float>(rng.between(0, 12)), strength = rng.uniform(0.0f, 0.06f);
  tile.fill([&](int y, int x) {
    const float wave = sine_cosine_turns(ripples * static_cast<float>(y) / kSide + 2.0f * bend(y, x)).sine;
    return base * (0.82f + 0.26f * dunes(y, x) + strength * wave + rng.uniform(-0.05f, 0.05f));
  });
  return tile.take();
}

Image water(Rng& rng) {
  Tile tile(kSide, kSide);
  const Colour deep = vary(rng, rng.chance(0.5f) ? Colour{28, 92, 150} : Colour{30, 128, 140}, 0.2f);
  const Colour light = blend(deep, {205, 235, 245}, rng.uniform(0.5f, 0.8f));
  const Fractal swell(rng, 10, 3, 4), glint(rng, 24, 6, 3);
  tile.fill([&](int y, int x) {
    const float s = swell(y, x), crest = std::max(0.0f, 1 - std::fabs(glint(y, x) - 0.5f) * 12);
    return blend(deep, light, std::clamp(0.9f * (s - 0.32f) + 0.5f * crest * s, 0.0f, 1.0f));
  });
  return tile.take();
}

Image snow(Rng& rng) {
  Tile tile(kSide, kSide);
  const Colour shade = vary(rng, {196, 212, 235}, 0.05f), white = {250, 252, 255};
  const Fractal drifts(rng, 3, 2, 4);
  tile.fill([&](int y, int x) {
    return blend(shade, white, std::clamp(1.5f * drifts(y, x) - 0.15f, 0.0f, 1.0f)) *
           (1 + rng.uniform(-0.015f, 0.015f));
  });
  for (int i = 0; i < 150; ++i) {
    const int y = rng.below(kSide), x = rng.below(kSide);
    tile.set(y, x, {255, 255, 255});
  }
  return tile.take();
}

Image wooden_floor(Rng& rng) {
  Tile tile(kSide, kSide);
  constexpr Colour kWoods[] = {{176, 122, 72}, {140, 88, 48}, {205, 160, 108}, {110, 72, 48}};
  const Colour base = vary(rng, kWoods[rng.below(4)], 0.1f);
  const int plank = rng.chance(0.5f) ? 32 : 64;
  const Fractal grain(rng, 64, 4, 3);
  std::vector<int> joints;
  std::vector<Colour> tints;
  for (int i = 0; i < kSide / plank * 2; ++i) tints.push_back(vary(rng, base, 0.1f));
  for (int i = 0; i < kSide / plank; ++i) joints.push_back(rng.below(kSide));
  tile.fill([&](int y, int x) {
    const int row = y / plank, shifted = (x + joints[static_cast<std::size_t>(row)]) & (kSide - 1),
              half = shifted / 128;
    const bool seam = y % plank < 2 || shifted % 128 < 2;
    const float g = 0.8f + 0.4f * grain.at(static_cast<float>(y),
                                           static_cast<float>((x + 37 * row * (half + 1)) & (kSide - 1)));
    return tints[static_cast<std::size_t>(2 * row + half)] * (seam ? 0.45f : g);
  });
  return tile.take();
}

Image stone_pavement(Rng& rng) {
  Tile tile(kSide, kSide);
  const int cells = rng.between(4, 7), n = cells * cells;
  const Colour base = vary(rng, rng.chance(0.6f) ? Colour{142, 142, 146} : Colour{168, 150, 126}, 0.15f);
  std::vector<float> px, py;
  std::vector<Colour> tints;
  for (int i = 0; i < n; ++i) {
    const int column = i % cells, row = i / cells;
    px.push_back(static_cast<float>(column) + rng.uniform(0.15f, 0.85f));
    py.push_back(static_cast<float>(row) + rng.uniform(0.15f, 0.85f));
    tints.push_back(vary(rng, base, 0.16f));
  }
  const Fractal rough(rng, 16, 16, 3);
  const float unit = static_cast<float>(cells) / kSide;
  tile.fill([&](int y, int x) {
    const float v = static_cast<float>(y) * unit, u = static_cast<float>(x) * unit;
    const int cy = static_cast<int>(v), cx = static_cast<int>(u);
    float best = 100, second = 100;
    int which = 0;
    for (int dy = -2; dy <= 2; ++dy)
      for (int dx = -2; dx <= 2; ++dx) {
        const int gy = cy + dy, gx = cx + dx;
        const int wy = (gy + 2 * cells) % cells, wx = (gx + 2 * cells) % cells, i = wy * cells + wx;
        const float ey = py[static_cast<std::size_t>(i)] + static_cast<float>(gy - wy) - v,
                    ex = px[static_cast<std::size_t>(i)] + static_cast<float>(gx - wx) - u;
        const float distance = std::sqrt(ex * ex + ey * ey);
        if (distance < best) {
          second = best;
          best = distance;
          which = i;
        } else if (distance < second) {
          second = distance;
        }
      }
    const float gap = std::clamp((second - best) * 9.0f, 0.0f, 1.0f);
    return tints[static_cast<std::size_t>(which)] * ((0.8f + 0.4f * rough(y, x)) * (0.3f + 0.7f * gap));
  });
  return tile.take();
}

Image soil(Rng& rng) {
  Tile tile(kSide, kSide);
  const Colour base = vary(rng, {118, 80, 50}, 0.2f);
  const Fractal lumps(rng, 8, 8, 4);
  tile.fill([&](int y, int x) { return base * (0.5f + 0.95f * lumps(y, x) + rng.uniform(-0.06f, 0.06f)); });
  const int stones = rng.between(40, 160);
  for (int i = 0; i < stones; ++i) {
    const Colour c = vary(rng, blend(base, {170, 150, 130}, 0.5f), 0.2f);
    tile.ellipse({rng.uniform(0, kSide), rng.uniform(0, kSide), rng.uniform(1.5f, 4.5f),
                  rng.uniform(1.2f, 2.5f), rng.uniform()},
                 c, 0.85f);
  }
  return tile.take();
}

Image road(Rng& rng) {
  Tile tile(kSide, kSide);
  const Colour base = vary(rng, {92, 94, 98}, 0.18f);
  const Fractal wear(rng, 3, 3, 3);
  tile.fill([&](int y, int x) { return base * (0.86f + 0.2f * wear(y, x) + rng.uniform(-0.12f, 0.12f)); });
  const Colour paint = rng.chance(0.8f) ? Colour{232, 230, 222} : Colour{225, 185, 60};
  for (int y = 0; y < 128; ++y)
    for (int x = 120; x < 136; ++x) tile.over(y + 64, x, paint, 0.9f - 0.25f * wear(y, x));
  return tile.take();
}

Image tiled_floor(Rng& rng) {
  Tile tile(kSide, kSide);
  constexpr Colour kPairs[][2] = {{{238, 236, 230}, {60, 62, 70}},
                                  {{226, 214, 198}, {150, 92, 72}},
                                  {{220, 228, 232}, {110, 146, 170}},
                                  {{214, 210, 196}, {120, 128, 88}},
                                  {{235, 235, 235}, {214, 214, 218}}};
  const auto& pair = kPairs[rng.below(5)];
  const Colour first = vary(rng, pair[0], 0.06f), second = vary(rng, pair[1], 0.1f);
  const int side = rng.chance(0.5f) ? 32 : 64;
  const Fractal stain(rng, 6, 6, 3);
  tile.fill([&](int y, int x) {
    const bool grout = y % side < 2 || x % side < 2;
    const Colour c = ((y / side + x / side) & 1) != 0 ? second : first;
    return (grout ? Colour{150, 148, 144} : c) * (0.92f + 0.14f * stain(y, x));
  });
  return tile.take();
}

Image brick_wall(Rng& rng) {
  Tile tile(kSide, kSide);
  constexpr Colour kBricks[] = {{172, 84, 62}, {150, 70, 56}, {196, 120, 88}, {140, 108, 92}};
  const Colour base = vary(rng, kBricks[rng.below(4)], 0.1f), mortar = vary(rng, {196, 188, 176}, 0.12f);
  std::vector<Colour> tints;
  for (int i = 0; i < 16 * 8; ++i) tints.push_back(vary(rng, base, 0.15f));
  const Fractal rough(rng, 24, 24, 3);
  tile.fill([&](int y, int x) {
    const int row = y / 16, shifted = (x + (row % 2) * 16) & (kSide - 1);
    const bool joint = y % 16 < 2 || shifted % 32 < 2;
    return (joint ? mortar : tints[static_cast<std::size_t>(row * 8 + shifted / 32)]) *
           (0.82f + 0.34f * rough(y, x));
  });
  return tile.take();
}

Image wallpaper(Rng& rng) {
  Tile tile(kSide, kSide);
  const Colour base = {rng.uniform(170, 245), rng.uniform(170, 240), rng.uniform(165, 235)};
  const Colour other = rng.chance(0.5f) ? base * rng.uniform(0.72f, 0.88f)
                                        : blend(base, {255, 255, 255}, rng.uniform(0.5f, 0.8f));
  const int kind = rng.below(4), step = rng.chance(0.5f) ? 32 : 64;
  tile.fill([&](int y, int x) {
    const int u = x % step - step / 2, v = y % step - step / 2;
    const int row = y / step, su = (x + (row % 2) * step / 2) % step - step / 2;
    bool on = false;
    if (kind == 0) on = u >= 0;
    if (kind == 1) on = su * su + v * v < step * step / 20;
    if (kind == 2) on = std::abs(u) + std::abs(v) < step / 3;
    if (kind == 3) on = std::abs(std::abs(u) - std::abs(v)) < 2;
    return on ? other : base;
  });
  return tile.take();
}

Image hedge(Rng& rng) {
  Tile tile(kSide, kSide);
  const Colour base = vary(rng, {52, 104, 42}, 0.25f);
  tile.fill([&](int, int) { return base * 0.3f; });
  for (int i = 0; i < 2600; ++i) {
    const float depth = static_cast<float>(i) / 2600.0f;
    const Colour leaf = vary(rng, base, 0.22f) * (0.5f + 0.8f * depth);
    tile.ellipse({rng.uniform(0, kSide), rng.uniform(0, kSide), rng.uniform(4, 7.5f), rng.uniform(2, 3.6f),
                  rng.uniform()},
                 leaf, 0.95f);
  }
  return tile.take();
}

Image sky(Rng& rng) {
  Tile tile(256, 512);
  constexpr Colour kSkies[][2] = {{{58, 124, 206}, {188, 220, 242}},
                                  {{86, 150, 222}, {220, 236, 246}},
                                  {{110, 140, 176}, {210, 216, 222}},
                                  {{92, 104, 168}, {248, 186, 132}},
                                  {{70, 160, 214}, {196, 236, 238}}};
  const auto& pair = kSkies[rng.below(5)];
  const Colour top = vary(rng, pair[0], 0.08f), low = vary(rng, pair[1], 0.04f);
  const Colour cloud = blend({255, 255, 255}, low, 0.15f);
  const Fractal billows(rng, 4, 5, 5, 256, 512);
  const float cover = rng.uniform(0.42f, 0.72f);
  tile.fill([&](int y, int x) {
    const float t = static_cast<float>(y) / 255.0f;
    const float amount = std::clamp((billows(y, x) - cover) * 5.0f, 0.0f, 1.0f) * 0.92f;
    return blend(blend(top, low, t), cloud, amount);
  });
  return tile.take();
}

Image night_sky(Rng& rng) {
  Tile tile(256, 512);
  const Colour top = vary(rng, {10, 14, 38}, 0.3f),
               low = vary(rng, rng.chance(0.6f) ? Colour{38, 46, 92} : Colour{60, 36, 78}, 0.2f);
  const Fractal haze(rng, 3, 4, 4, 256, 512);
  tile.fill([&](int y, int x) {
    return blend(top, low, static_cast<float>(y) / 255.0f) * (0.8f + 0.45f * haze(y, x));
  });
  const int stars = rng.between(160, 420);
  for (int i = 0; i < stars; ++i) {
    const float light = rng.uniform(0.35f, 1.0f);
    const int y = rng.below(256), x = rng.below(512);
    tile.over(y, x, {255, 252, 235}, light);
    if (light > 0.85f)
      tile.ellipse({static_cast<float>(y), static_cast<float>(x), 1.8f, 1.7f, 0}, {255, 252, 235}, 0.8f);
  }
  return tile.take();
}

using Painter = Image (*)(Rng&);
constexpr Painter kPainters[] = {sky,   night_sky, brick_wall,   wallpaper,      hedge, grass, sand,
                                 water, snow,      wooden_floor, stone_pavement, soil,  road,  tiled_floor};

}  // namespace

Image paint_stuff_tile(int stuff, int variant) {
  Rng rng(fnv1a64("stuff"), static_cast<std::uint64_t>(stuff), static_cast<std::uint64_t>(variant));
  return kPainters[stuff](rng);
}

StuffTextures paint_stuff(ThreadPool* pool) {
  StuffTextures out;
  const std::size_t classes = stuff_classes().size();
  out.textures.assign(classes, std::vector<Pyramid>(StuffTextures::kVariants));
  const auto paint = [&](std::int64_t begin, std::int64_t end) {
    for (auto i = begin; i < end; ++i) {
      const auto stuff = static_cast<std::size_t>(i) % classes,
                 variant = static_cast<std::size_t>(i) / classes;
      const Image tile = paint_stuff_tile(static_cast<int>(stuff), static_cast<int>(variant));
      out.textures[stuff][variant] = tile_pyramid(tile.rgb.data(), tile.height, tile.width);
    }
  };
  const auto count = static_cast<std::int64_t>(classes) * StuffTextures::kVariants;
  if (pool)
    pool->parallel_for(count, 1, paint);
  else
    paint(0, count);
  return out;
}

}  // namespace san
