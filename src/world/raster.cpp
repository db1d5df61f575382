#include "world/raster.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/random.h"

namespace san {
namespace {

constexpr int kBorder = 1;
constexpr float kOne = 65536.0f;  // of the fixed-point coordinates

std::uint32_t pack(std::uint32_t r, std::uint32_t g, std::uint32_t b, std::uint32_t a) {
  return r | (g << 8) | (b << 16) | (a << 24);
}

std::uint32_t average(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
  std::uint32_t out = 0;
  for (int shift = 0; shift < 32; shift += 8) {
    const std::uint32_t sum =
        ((a >> shift) & 255u) + ((b >> shift) & 255u) + ((c >> shift) & 255u) + ((d >> shift) & 255u);
    out |= ((sum + 2) / 4) << shift;
  }
  return out;
}

Pyramid::Level halve(const Pyramid::Level& in) {
  Pyramid::Level out;
  out.height = (in.height + 1) / 2;
  out.width = (in.width + 1) / 2;
  out.pixels.resize(static_cast<std::size_t>(out.height) * static_cast<std::size_t>(out.width));
  for (int y = 0; y < out.height; ++y) {
    const std::uint32_t* r0 = in.row(2 * y);
    const std::uint32_t* r1 = in.row(std::min(2 * y + 1, in.height - 1));
    for (int x = 0; x < out.width; ++x) {
      const int x1 = std::min(2 * x + 1, in.width - 1);
      out.pixels[static_cast<std::size_t>(y) * static_cast<std::size_t>(out.width) +
                 static_cast<std::size_t>(x)] = average(r0[2 * x], r0[x1], r1[2 * x], r1[x1]);
    }
  }
  return out;
}

Pyramid::Level with_border(const Pyramid::Level& in) {
  Pyramid::Level out;
  out.height = in.height + 2 * kBorder;
  out.width = in.width + 2 * kBorder;
  out.pixels.assign(static_cast<std::size_t>(out.height) * static_cast<std::size_t>(out.width), 0);
  for (int y = 0; y < in.height; ++y)
    std::copy_n(in.row(y), in.width,
                out.pixels.data() +
                    static_cast<std::size_t>(y + kBorder) * static_cast<std::size_t>(out.width) + kBorder);
  return out;
}

std::uint32_t clamp_channel(std::int32_t value, std::int32_t alpha) {
  return static_cast<std::uint32_t>(std::clamp(value, 0, alpha));
}

}  // namespace

int Pyramid::level_for(float scale) const {
  int level = 0;
  while (level + 1 < static_cast<int>(levels.size()) && scale > 1.5f) {
    scale *= 0.5f;
    ++level;
  }
  return level;
}

Pyramid sprite_pyramid(const Picture& sprite) {
  require(sprite.channels == 4, "sprite '{}': expected 4 channels, got {}", sprite.name, sprite.channels);
  Pyramid::Level level;
  level.height = sprite.height;
  level.width = sprite.width;
  level.pixels.resize(sprite.pixels.size() / 4);
  for (std::size_t i = 0; i < level.pixels.size(); ++i) {
    const std::uint8_t* p = sprite.pixels.data() + 4 * i;
    const std::uint32_t a = p[3];
    level.pixels[i] = pack((p[0] * a + 127) / 255, (p[1] * a + 127) / 255, (p[2] * a + 127) / 255, a);
  }
  Pyramid pyramid;
  for (;;) {
    pyramid.levels.push_back(with_border(level));
    if (std::min(level.height, level.width) <= 6 || pyramid.levels.size() == 4) return pyramid;
    level = halve(level);
  }
}

Pyramid tile_pyramid(const std::uint8_t* rgb, int height, int width) {
  require((height & (height - 1)) == 0 && (width & (width - 1)) == 0,
          "texture of {}×{}: sides should be powers of two", height, width);
  Pyramid::Level level;
  level.height = height;
  level.width = width;
  level.pixels.resize(static_cast<std::size_t>(height) * static_cast<std::size_t>(width));
  for (std::size_t i = 0; i < level.pixels.size(); ++i)
    level.pixels[i] = pack(rgb[3 * i], rgb[3 * i + 1], rgb[3 * i + 2], 255);
  Pyramid pyramid;
  for (;;) {
    pyramid.levels.push_back(level);
    if (std::min(level.height, level.width) <= 4) return pyramid;
    level = halve(level);
  }
}

std::uint32_t ColourMatrix::apply(std::uint32_t pixel) const {
  const auto r = static_cast<std::int32_t>(pixel & 255u), g = static_cast<std::int32_t>((pixel >> 8) & 255u),
             b = static_cast<std::int32_t>((pixel >> 16) & 255u), a = static_cast<std::int32_t>(pixel >> 24);
  const std::int32_t full = a + (a >> 7);
  const auto channel = [&](std::size_t c) {
    return clamp_channel((m[3 * c] * r + m[3 * c + 1] * g + m[3 * c + 2] * b + bias[c] * full) >> 8, a);
  };
  return pack(channel(0), channel(1), channel(2), static_cast<std::uint32_t>(a));
}

ColourMatrix colour_matrix(float hue_turns, float saturation, const std::array<float, 3>& gain, float bias) {
  // A rotation about the grey axis, then a pull towards the luma.
  const auto [sine, cosine] = sine_cosine_turns(hue_turns);
  constexpr std::array<float, 3> kLuma = {0.299f, 0.587f, 0.114f};
  ColourMatrix out;
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t column = 0; column < 3; ++column) {
      const float third = (1.0f - cosine) / 3.0f, cross = sine * 0.57735027f;
      float rotation = third + (row == column ? cosine : 0.0f);
      if ((row + 1) % 3 == column) rotation -= cross;
      if ((column + 1) % 3 == row) rotation += cross;
      const float value = gain[row] * (saturation * rotation + (1.0f - saturation) * kLuma[column]);
      out.m[3 * row + column] = static_cast<std::int32_t>(std::floor(value * 256.0f + 0.5f));
    }
    out.bias[row] = static_cast<std::int32_t>(bias);
  }
  out.identity = false;
  return out;
}

void draw_sprite(const Pyramid& sprite, const Pose& pose, const ColourMatrix& colour, int canvas_height,
                 int canvas_width, int margin, Layer& layer) {
  const auto& base = sprite.levels.front();
  const float scale_x = pose.width / static_cast<float>(base.width - 2 * kBorder),
              scale_y = pose.height / static_cast<float>(base.height - 2 * kBorder);
  const int index = sprite.level_for(1.0f / std::max(scale_x, scale_y));
  const auto& level = sprite.levels[static_cast<std::size_t>(index)];
  const auto [sine, cosine] = sine_cosine_turns(pose.turns);

  const float half_w =
      0.5f * pose.width * (1 + std::fabs(pose.wave)) + 0.5f * std::fabs(pose.shear) * pose.height;
  const float half_h = 0.5f * pose.height * (1 + std::fabs(pose.wave));
  const float reach_x =
      std::fabs(cosine) * half_w + std::fabs(sine) * half_h + static_cast<float>(margin) + 1;
  const float reach_y =
      std::fabs(sine) * half_w + std::fabs(cosine) * half_h + static_cast<float>(margin) + 1;
  layer.x = std::clamp(static_cast<int>(std::floor(pose.x - reach_x)), 0, canvas_width);
  layer.y = std::clamp(static_cast<int>(std::floor(pose.y - reach_y)), 0, canvas_height);
  layer.width =
      std::clamp(static_cast<int>(std::floor(pose.x + reach_x)) + 1, layer.x, canvas_width) - layer.x;
  layer.height =
      std::clamp(static_cast<int>(std::floor(pose.y + reach_y)) + 1, layer.y, canvas_height) - layer.y;
  layer.pixels.assign(static_cast<std::size_t>(layer.width) * static_cast<std::size_t>(layer.height), 0);

  // Canvas offsets to level pixels: turn back, shear back, scale, flip.
  const float to_u = static_cast<float>(level.width - 2 * kBorder) / pose.width * (pose.flip ? -1.0f : 1.0f);
  const float to_v = static_cast<float>(level.height - 2 * kBorder) / pose.height;
  const float ux = (cosine + pose.shear * sine) * to_u, uy = (sine - pose.shear * cosine) * to_u;
  const float vx = -sine * to_v, vy = cosine * to_v;
  const float centre_u = 0.5f * static_cast<float>(level.width) - 0.5f,
              centre_v = 0.5f * static_cast<float>(level.height) - 0.5f;
  const auto du = static_cast<std::int32_t>(ux * kOne), dv = static_cast<std::int32_t>(vx * kOne);
  const std::int32_t limit_u = (level.width - 1) << 16, limit_v = (level.height - 1) << 16;

  std::vector<std::int32_t> column_wave;
  if (pose.wave != 0) {
    column_wave.resize(static_cast<std::size_t>(layer.width));
    for (int x = 0; x < layer.width; ++x)
      column_wave[static_cast<std::size_t>(x)] = static_cast<std::int32_t>(
          kOne * pose.wave * static_cast<float>(level.height) *
          sine_cosine_turns(pose.wave_phase + 1.1f * static_cast<float>(layer.x + x) / pose.width).sine);
  }
  for (int y = 0; y < layer.height; ++y) {
    const float oy = static_cast<float>(layer.y + y) + 0.5f - pose.y,
                ox = static_cast<float>(layer.x) + 0.5f - pose.x;
    float u0 = centre_u + ux * ox + uy * oy;
    const float v0 = centre_v + vx * ox + vy * oy;
    if (pose.wave != 0)
      u0 += pose.wave * static_cast<float>(level.width) *
            sine_cosine_turns(1.3f * static_cast<float>(layer.y + y) / pose.height - pose.wave_phase).sine;
    auto u = static_cast<std::int32_t>(u0 * kOne), v = static_cast<std::int32_t>(v0 * kOne);
    std::uint32_t* out =
        layer.pixels.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(layer.width);
    for (int x = 0; x < layer.width; ++x, u += du, v += dv) {
      const std::int32_t vv = column_wave.empty() ? v : v + column_wave[static_cast<std::size_t>(x)];
      if (u < 0 || vv < 0 || u >= limit_u || vv >= limit_v) continue;
      const std::uint32_t* r0 = level.row(vv >> 16) + (u >> 16);
      const std::uint32_t* r1 = r0 + level.width;
      const std::uint32_t fx = (static_cast<std::uint32_t>(u) >> 8) & 255u,
                          fy = (static_cast<std::uint32_t>(vv) >> 8) & 255u;
      const std::uint32_t pixel = mix(mix(r0[0], r0[1], fx), mix(r1[0], r1[1], fx), fy);
      out[x] = pixel == 0 || colour.identity ? pixel : colour.apply(pixel);
    }
  }
}

void outline(Layer& layer, int radius, std::uint32_t colour) {
  if (layer.pixels.empty() || radius <= 0) return;
  const auto w = static_cast<std::size_t>(layer.width), h = static_cast<std::size_t>(layer.height);
  thread_local std::vector<std::uint8_t> rows, grown;
  rows.assign(w * h, 0);
  grown.assign(w * h, 0);
  const auto r = static_cast<std::size_t>(radius);
  for (std::size_t y = 0; y < h; ++y)
    for (std::size_t x = 0; x < w; ++x) {
      const auto alpha = static_cast<std::uint8_t>(layer.pixels[y * w + x] >> 24);
      if (alpha == 0) continue;
      for (std::size_t k = x >= r ? x - r : 0; k <= std::min(w - 1, x + r); ++k)
        rows[y * w + k] = std::max(rows[y * w + k], alpha);
    }
  for (std::size_t y = 0; y < h; ++y)
    for (std::size_t k = y >= r ? y - r : 0; k <= std::min(h - 1, y + r); ++k)
      for (std::size_t x = 0; x < w; ++x) grown[k * w + x] = std::max(grown[k * w + x], rows[y * w + x]);
  for (std::size_t i = 0; i < w * h; ++i) {
    const std::uint32_t alpha = layer.pixels[i] >> 24, ring = grown[i];
    if (ring <= alpha || alpha == 255) continue;
    const std::uint32_t under = mix(0, (colour & 0x00ffffffu) | 0xff000000u, ring + (ring >> 7));
    layer.pixels[i] += mix(0, under, 256 - alpha - (alpha >> 7));
  }
}

void ink(Layer& layer, int levels, int reach, int contrast, std::uint32_t colour) {
  if (layer.pixels.empty()) return;
  std::array<std::uint8_t, 256> flat{};
  for (int v = 0; v < 256; ++v)
    flat[static_cast<std::size_t>(v)] =
        static_cast<std::uint8_t>((v * (levels - 1) + 127) / 255 * 255 / (levels - 1));
  const auto differs = [&](std::uint32_t a, std::uint32_t b) {
    for (int shift = 0; shift < 24; shift += 8) {
      const auto x = static_cast<int>(a >> shift & 255), y = static_cast<int>(b >> shift & 255);
      if (std::abs(x - y) > contrast) return true;
    }
    return false;
  };
  const int w = layer.width, h = layer.height;
  thread_local std::vector<std::uint32_t> drawn;
  drawn = layer.pixels;
  const auto at = [&](int x, int y) {
    return static_cast<std::size_t>(y) * static_cast<std::size_t>(w) + static_cast<std::size_t>(x);
  };
  for (int y = 0; y < h; ++y)
    for (int x = 0; x < w; ++x) {
      const std::uint32_t p = layer.pixels[at(x, y)];
      if (p >> 24 != 255) continue;
      const std::uint32_t right = layer.pixels[at(std::min(w - 1, x + reach), y)];
      const std::uint32_t below = layer.pixels[at(x, std::min(h - 1, y + reach))];
      // Half-transparent pixels are darker for their alpha alone.
      const bool contour =
          (right >> 24 == 255 && differs(p, right)) || (below >> 24 == 255 && differs(p, below));
      drawn[at(x, y)] =
          0xff000000u | (contour ? colour & 0x00ffffffu
                                 : flat[p & 255] | static_cast<std::uint32_t>(flat[p >> 8 & 255]) << 8 |
                                       static_cast<std::uint32_t>(flat[p >> 16 & 255]) << 16);
    }
  std::swap(layer.pixels, drawn);
}

void blend(const Layer& layer, Image& canvas) {
  for (int y = 0; y < layer.height; ++y) {
    const std::uint32_t* in =
        layer.pixels.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(layer.width);
    std::uint8_t* out = canvas.row(layer.y + y) + 3 * layer.x;
    for (int x = 0; x < layer.width; ++x, out += 3) {
      const std::uint32_t pixel = in[x];
      if (pixel == 0) continue;
      const std::uint32_t alpha = pixel >> 24, rest = 256 - alpha - (alpha >> 7);
      for (int c = 0; c < 3; ++c)
        out[c] =
            static_cast<std::uint8_t>(std::min(255u, ((pixel >> (8 * c)) & 255u) + ((out[c] * rest) >> 8)));
    }
  }
}

void label(const Layer& layer, LabelMap& labels, Label value) {
  for (int y = 0; y < layer.height; ++y) {
    const std::uint32_t* in =
        layer.pixels.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(layer.width);
    Label* out = labels.row(layer.y + y) + layer.x;
    for (int x = 0; x < layer.width; ++x)
      if (in[x] >= 0x80000000u) out[x] = value;
  }
}

void soft_ellipse(Image& canvas, float x, float y, float radius_x, float radius_y, float strength) {
  const int y0 = std::clamp(static_cast<int>(std::floor(y - radius_y)), 0, canvas.height),
            y1 = std::clamp(static_cast<int>(std::floor(y + radius_y)) + 1, 0, canvas.height),
            x0 = std::clamp(static_cast<int>(std::floor(x - radius_x)), 0, canvas.width),
            x1 = std::clamp(static_cast<int>(std::floor(x + radius_x)) + 1, 0, canvas.width);
  for (int row = y0; row < y1; ++row) {
    const float dy = (static_cast<float>(row) + 0.5f - y) / radius_y;
    std::uint8_t* out = canvas.row(row) + 3 * x0;
    for (int column = x0; column < x1; ++column, out += 3) {
      const float dx = (static_cast<float>(column) + 0.5f - x) / radius_x;
      const float inside = 1.0f - dx * dx - dy * dy;
      if (inside <= 0) continue;
      const int keep = 256 - static_cast<int>(256.0f * strength * inside * inside);
      for (int c = 0; c < 3; ++c) out[c] = static_cast<std::uint8_t>((out[c] * keep) >> 8);
    }
  }
}

void drop_shadow(Image& canvas, const Layer& layer, int dx, int dy, float strength) {
  if (layer.pixels.empty()) return;
  // Alpha summed over cells, then read back bilinearly: a cheap wide blur.
  constexpr int kCell = 8;
  const int w = layer.width / kCell + 3, h = layer.height / kCell + 3;
  thread_local std::vector<int> cells;
  cells.assign(static_cast<std::size_t>(w * h), 0);
  for (int y = 0; y < layer.height; ++y)
    for (int x = 0; x < layer.width; ++x)
      cells[static_cast<std::size_t>((y / kCell + 1) * w + x / kCell + 1)] +=
          static_cast<int>(layer.pixels[static_cast<std::size_t>(y) * static_cast<std::size_t>(layer.width) +
                                        static_cast<std::size_t>(x)] >>
                           24);
  const int amount = static_cast<int>(256.0f * strength);
  const int y_begin = std::max(0, layer.y + dy - kCell / 2),
            y_end = std::min(canvas.height, layer.y + layer.height + dy + kCell / 2);
  const int x_begin = std::max(0, layer.x + dx - kCell / 2),
            x_end = std::min(canvas.width, layer.x + layer.width + dx + kCell / 2);
  for (int y = y_begin; y < y_end; ++y) {
    const int v = y - layer.y - dy + kCell / 2, cy = v / kCell, fy = v % kCell;
    for (int x = x_begin; x < x_end; ++x) {
      const int u = x - layer.x - dx + kCell / 2, cx = u / kCell, fx = u % kCell;
      const int* c = cells.data() + cy * w + cx;
      const int top = c[0] * (kCell - fx) + c[1] * fx, bottom = c[w] * (kCell - fx) + c[w + 1] * fx;
      const int alpha = (top * (kCell - fy) + bottom * fy) / (kCell * kCell * kCell * kCell);
      const int keep = 256 - ((alpha * amount) >> 8);
      std::uint8_t* out = canvas.row(y) + 3 * x;
      for (int k = 0; k < 3; ++k) out[k] = static_cast<std::uint8_t>((out[k] * keep) >> 8);
    }
  }
}

void blur(Image& image, int times) {
  const auto stride = image.row_bytes();
  thread_local std::vector<std::uint8_t> rows;
  for (int pass = 0; pass < times; ++pass) {
    rows = image.rgb;
    for (int y = 0; y < image.height; ++y) {
      const std::uint8_t* up = rows.data() + static_cast<std::size_t>(std::max(y - 1, 0)) * stride;
      const std::uint8_t* mid = rows.data() + static_cast<std::size_t>(y) * stride;
      const std::uint8_t* down =
          rows.data() + static_cast<std::size_t>(std::min(y + 1, image.height - 1)) * stride;
      std::uint8_t* out = image.row(y);
      for (std::size_t i = 0; i < stride; ++i)
        out[i] = static_cast<std::uint8_t>((up[i] + 2 * mid[i] + down[i] + 2) / 4);
    }
    rows = image.rgb;
    for (int y = 0; y < image.height; ++y) {
      const std::uint8_t* in = rows.data() + static_cast<std::size_t>(y) * stride;
      std::uint8_t* out = image.row(y);
      for (std::size_t i = 3; i + 3 < stride; ++i)
        out[i] = static_cast<std::uint8_t>((in[i - 3] + 2 * in[i] + in[i + 3] + 2) / 4);
    }
  }
}

void develop(Image& image, const std::array<float, 3>& gain, float bias, float noise, std::uint64_t key) {
  std::array<std::int32_t, 3> scale{};
  for (std::size_t c = 0; c < 3; ++c) scale[c] = static_cast<std::int32_t>(gain[c] * 256.0f);
  const auto shift = static_cast<std::int32_t>(bias * 256.0f) + 128;
  // The sum of four bytes has a standard deviation of 147.8; one generator step serves two values.
  const auto amplitude = static_cast<std::int32_t>(noise * 256.0f * 256.0f / 147.8f);
  std::uint64_t state = splitmix64(key) | 1;
  std::uint64_t bits = 0;
  bool half = false;
  std::size_t channel = 0;
  for (auto& value : image.rgb) {
    std::int32_t grain = 0;
    if (amplitude != 0) {
      if (!half) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bits = state;
      } else {
        bits >>= 32;
      }
      half = !half;
      const std::uint32_t pairs = static_cast<std::uint32_t>(bits & 0x00ff00ffu) +
                                  static_cast<std::uint32_t>((bits >> 8) & 0x00ff00ffu);
      grain = ((static_cast<std::int32_t>((pairs & 0xffffu) + (pairs >> 16)) - 510) * amplitude) >> 8;
    }
    const std::int32_t out = (value * scale[channel] + shift + grain) >> 8;
    value = static_cast<std::uint8_t>(std::clamp(out, 0, 255));
    channel = channel == 2 ? 0 : channel + 1;
  }
}

}  // namespace san
