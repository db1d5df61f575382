#include "world/raster.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"

namespace san {
namespace {

Picture solid(int height, int width, std::array<std::uint8_t, 4> rgba) {
  Picture p;
  p.height = height;
  p.width = width;
  for (int i = 0; i < height * width; ++i) p.pixels.insert(p.pixels.end(), rgba.begin(), rgba.end());
  return p;
}

Layer draw(const Picture& picture, const Pose& pose, int size, int margin = 0) {
  Layer layer;
  draw_sprite(sprite_pyramid(picture), pose, {}, size, size, margin, layer);
  return layer;
}

int labelled(const Layer& layer, int size) {
  LabelMap labels(size, size);
  label(layer, labels, 1);
  return static_cast<int>(std::count(labels.labels.begin(), labels.labels.end(), Label{1}));
}

TEST(Mix, IsExactAtBothEnds) {
  EXPECT_EQ(mix(0x12345678u, 0x9abcdef0u, 0), 0x12345678u);
  EXPECT_EQ(mix(0x12345678u, 0x9abcdef0u, 256), 0x9abcdef0u);
  EXPECT_EQ(mix(0x00000000u, 0x80808080u, 128), 0x40404040u);
}

TEST(DrawSprite, CoversItsSize) {
  Pose pose;
  pose.x = pose.y = 32;
  pose.width = 20;
  pose.height = 12;
  const Layer layer = draw(solid(24, 40, {255, 0, 0, 255}), pose, 64);
  // The rim is interpolated; more than half a pixel of it would be a shift.
  EXPECT_NEAR(labelled(layer, 64), 20 * 12, 32);
  Image canvas(64, 64);
  blend(layer, canvas);
  EXPECT_EQ(canvas.row(32)[3 * 32], 255);
  EXPECT_EQ(canvas.row(32)[3 * 32 + 1], 0);
  EXPECT_EQ(canvas.row(32)[3 * 50], 0);
}

TEST(DrawSprite, TurningKeepsTheArea) {
  const Picture picture = solid(32, 32, {0, 255, 0, 255});
  for (float turns = 0; turns < 1; turns += 0.07f) {
    Pose pose;
    pose.x = pose.y = 64;
    pose.width = pose.height = 40;
    pose.turns = turns;
    pose.flip = turns > 0.5f;
    EXPECT_NEAR(labelled(draw(picture, pose, 128), 128), 1600, 100) << turns;
  }
}

TEST(DrawSprite, IsClippedAtEveryRim) {
  const Picture picture = solid(16, 16, {1, 2, 3, 255});
  for (const auto& [x, y] : {std::pair{-60.0f, 5.0f},
                             {5.0f, -60.0f},
                             {200.0f, 5.0f},
                             {5.0f, 200.0f},
                             {0.0f, 0.0f},
                             {63.0f, 63.0f}}) {
    Pose pose;
    pose.x = x;
    pose.y = y;
    pose.width = pose.height = 30;
    const Layer layer = draw(picture, pose, 64, 3);
    EXPECT_GE(layer.x, 0);
    EXPECT_LE(layer.x + layer.width, 64);
    EXPECT_LE(layer.y + layer.height, 64);
    Image canvas(64, 64);
    blend(layer, canvas);
  }
}

TEST(Label, CountsAlphaAboveOneHalf) {
  Pose pose;
  pose.x = pose.y = 16;
  pose.width = pose.height = 16;
  EXPECT_EQ(labelled(draw(solid(16, 16, {9, 9, 9, 120}), pose, 32), 32), 0);
  EXPECT_GT(labelled(draw(solid(16, 16, {9, 9, 9, 140}), pose, 32), 32), 150);
}

TEST(Outline, GrowsTheShape) {
  Pose pose;
  pose.x = pose.y = 32;
  pose.width = pose.height = 20;
  Layer layer = draw(solid(20, 20, {255, 255, 255, 255}), pose, 64, 2);
  const int before = labelled(layer, 64);
  outline(layer, 2, 0);
  EXPECT_NEAR(labelled(layer, 64), 24 * 24, 80);
  EXPECT_GT(labelled(layer, 64), before + 100);
}

TEST(Ink, DrawsContoursBetweenFlatColours) {
  Layer layer{0, 0, 4, 6, std::vector<std::uint32_t>(24, 0xff202020u)};
  for (std::size_t y = 0; y < 4; ++y)
    for (std::size_t x = 3; x < 6; ++x) layer.pixels[y * 6 + x] = 0xffe0e0e6u;
  layer.pixels[0] = 0x80101010u;
  ink(layer, 3, 1, 60, 0x00ff00u);
  EXPECT_EQ(layer.pixels[0], 0x80101010u) << "half-transparent pixels stay";
  for (std::size_t y = 0; y < 4; ++y) {
    EXPECT_EQ(layer.pixels[y * 6 + 1], 0xff000000u) << "the nearest of 0, 127, 255";
    EXPECT_EQ(layer.pixels[y * 6 + 2], 0xff00ff00u) << "differs from its right neighbour";
    EXPECT_EQ(layer.pixels[y * 6 + 4], 0xffffffffu);
  }
}

TEST(ColourMatrix, TurnsHueAndStaysInsideAlpha) {
  const ColourMatrix none = colour_matrix(0, 1, {1, 1, 1}, 0);
  EXPECT_EQ(none.apply(0xff102030u), 0xff102030u);
  const ColourMatrix third = colour_matrix(1.0f / 3, 1, {1, 1, 1}, 0);
  const std::uint32_t turned = third.apply(0xff0000ffu);  // red becomes another pure colour
  EXPECT_LT(turned & 255u, 6u);
  EXPECT_GT(std::max((turned >> 8) & 255u, (turned >> 16) & 255u), 250u);
  const ColourMatrix bright = colour_matrix(0, 1, {3, 3, 3}, 100);
  EXPECT_EQ(bright.apply(0x40202020u), 0x40404040u);
  EXPECT_EQ(bright.apply(0u), 0u);
}

TEST(Tile, SidesMustBePowersOfTwo) {
  const std::vector<std::uint8_t> rgb(3 * 24 * 24);
  EXPECT_THROW(tile_pyramid(rgb.data(), 24, 24), Error);
}

TEST(Tile, WrapsAround) {
  std::vector<std::uint8_t> rgb(3 * 8 * 8, 10);
  rgb[0] = rgb[1] = rgb[2] = 200;
  const Pyramid tile = tile_pyramid(rgb.data(), 8, 8);
  EXPECT_EQ(sample_wrapped(tile.levels[0], 8 << 16, -8 * 65536) & 255u, 200u);
  EXPECT_EQ(sample_wrapped(tile.levels[0], (7 << 16) + 32768, 0) & 255u, 105u);
}

TEST(Blur, KeepsAFlatPicture) {
  Image image(9, 7);
  std::fill(image.rgb.begin(), image.rgb.end(), std::uint8_t{77});
  const Image before = image;
  blur(image, 3);
  EXPECT_EQ(image, before);
}

TEST(Develop, HasTheNoiseItIsAskedFor) {
  Image image(128, 128);
  std::fill(image.rgb.begin(), image.rgb.end(), std::uint8_t{100});
  develop(image, {1, 1, 1}, 20, 6, 3);
  double sum = 0, squares = 0;
  for (const auto v : image.rgb) {
    sum += v;
    squares += v * v;
  }
  const double mean = sum / static_cast<double>(image.rgb.size()),
               variance = squares / static_cast<double>(image.rgb.size()) - mean * mean;
  EXPECT_NEAR(mean, 120, 0.3);
  EXPECT_NEAR(variance, 36, 2);  // plus rounding to whole grey levels
}

TEST(Shadows, DarkenOnlyWhereTheyFall) {
  Image image(64, 64);
  std::fill(image.rgb.begin(), image.rgb.end(), std::uint8_t{200});
  soft_ellipse(image, 32, 32, 10, 5, 0.5f);
  EXPECT_LT(image.row(32)[3 * 32], 110);
  EXPECT_EQ(image.row(32)[3 * 50], 200);
  std::fill(image.rgb.begin(), image.rgb.end(), std::uint8_t{200});
  Pose pose;
  pose.x = pose.y = 32;
  pose.width = pose.height = 20;
  drop_shadow(image, draw(solid(20, 20, {0, 0, 0, 255}), pose, 64), 3, 3, 0.5f);
  EXPECT_NEAR(image.row(35)[3 * 35], 100, 3);
  EXPECT_EQ(image.row(60)[3 * 60], 200);
}

}  // namespace
}  // namespace san
