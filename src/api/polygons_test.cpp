#include "san/polygons.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "base/error.h"

namespace san {
namespace {

using ::testing::ElementsAre;

LabelMap map_of(const std::vector<std::string>& rows) {
  LabelMap map(static_cast<int>(rows.size()), static_cast<int>(rows[0].size()));
  for (int y = 0; y < map.height; ++y)
    for (int x = 0; x < map.width; ++x)
      map.row(y)[x] =
          static_cast<Label>(rows[static_cast<std::size_t>(y)][static_cast<std::size_t>(x)] - 'a');
  return map;
}

/// Blobs from a few waves: borders of all directions, islands, holes, specks.
LabelMap blobs(unsigned seed, int height, int width, int classes) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> wave(0.02, 0.4), phase(0, 6.28);
  std::vector<std::array<double, 3>> waves;
  for (int k = 0; k < classes; ++k) waves.push_back({wave(random), wave(random), phase(random)});
  LabelMap map(height, width);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      double best = -9;
      for (std::size_t k = 0; k < waves.size(); ++k)
        if (const double v =
                std::sin(waves[k][0] * x + waves[k][2]) + std::cos(waves[k][1] * y - waves[k][2]);
            v > best)
          best = v, map.row(y)[x] = static_cast<Label>(k);
    }
  return map;
}

constexpr Label kNothing = 999;

LabelMap painted(const std::vector<LabelPolygon>& polygons, int height, int width, bool outlines_alone) {
  LabelMap map(height, width, kNothing);
  for (LabelPolygon polygon : polygons) {
    if (outlines_alone) polygon.rings.resize(1);
    paint_polygon(polygon, map);
  }
  return map;
}

TEST(Polygons, OfASquareInASquare) {
  const auto polygons = label_polygons(map_of({"aaaa", "abba", "abba", "aaaa"}));
  ASSERT_EQ(polygons.size(), 2u);
  EXPECT_EQ(polygons[0].label, 0);
  EXPECT_EQ(polygons[0].area, 12);
  EXPECT_THAT(polygons[0].rings,
              ElementsAre(ElementsAre(Corner{4, 0}, Corner{4, 4}, Corner{0, 4}, Corner{0, 0}),
                          ElementsAre(Corner{3, 3}, Corner{3, 1}, Corner{1, 1}, Corner{1, 3})))
      << "the outline clockwise, the hole the other way";
  EXPECT_EQ(polygons[1].label, 1);
  EXPECT_EQ(polygons[1].area, 4);
  EXPECT_EQ(polygons[1].rings.size(), 1u);
}

TEST(Polygons, RegionsDoNotReachAcrossCorners) {
  const auto polygons = label_polygons(map_of({"ab", "ba"}));
  EXPECT_EQ(polygons.size(), 4u);
  for (const LabelPolygon& p : polygons) EXPECT_EQ(p.area, 1);
}

TEST(Polygons, WithoutToleranceTheyAreTheMap) {
  for (unsigned seed = 1; seed <= 12; ++seed) {
    const LabelMap map = blobs(seed, 40 + static_cast<int>(seed) * 3, 57, 2 + static_cast<int>(seed) % 4);
    const auto polygons = label_polygons(map);
    EXPECT_EQ(painted(polygons, map.height, map.width, false), map);
    EXPECT_EQ(painted(polygons, map.height, map.width, true), map) << "holes are filled by what comes later";
    std::int64_t area = 0;
    for (const LabelPolygon& p : polygons) area += p.area;
    EXPECT_EQ(area, static_cast<std::int64_t>(map.labels.size()));
  }
  std::mt19937 random(3);  // nothing but specks
  LabelMap noise(31, 45);
  for (Label& label : noise.labels) label = static_cast<Label>(random() % 3);
  EXPECT_EQ(painted(label_polygons(noise), 31, 45, false), noise);
  EXPECT_EQ(painted(label_polygons(noise), 31, 45, true), noise);
}

/// The distance of a pixel's centre from the nearest border of the map.
double from_border(const LabelMap& map, int px, int py, double limit) {
  double nearest = limit;
  const int reach = static_cast<int>(limit) + 2;
  for (int y = std::max(0, py - reach); y < std::min(map.height, py + reach); ++y)
    for (int x = std::max(0, px - reach); x < std::min(map.width, px + reach); ++x) {
      const auto to = [&](double x0, double y0, double x1, double y1) {
        const double cx = std::clamp(px + 0.5, x0, x1), cy = std::clamp(py + 0.5, y0, y1);
        nearest = std::min(nearest, std::hypot(px + 0.5 - cx, py + 0.5 - cy));
      };
      if (x + 1 < map.width && map.row(y)[x] != map.row(y)[x + 1]) to(x + 1, y, x + 1, y + 1);
      if (y + 1 < map.height && map.row(y)[x] != map.row(y + 1)[x]) to(x, y + 1, x + 1, y + 1);
    }
  return nearest;
}

TEST(Polygons, SimplifiedOnesDifferOnlyNearBorders) {
  for (const double tolerance : {0.8, 1.5, 3.0})
    for (unsigned seed = 1; seed <= 5; ++seed) {
      const LabelMap map = blobs(seed, 90, 120, 4);
      const auto exact = label_polygons(map), simple = label_polygons(map, tolerance);
      const auto corners = [](const std::vector<LabelPolygon>& polygons) {
        std::size_t sum = 0;
        for (const auto& p : polygons)
          for (const auto& ring : p.rings) sum += ring.size();
        return sum;
      };
      EXPECT_LT(corners(simple), corners(exact) / 2);
      const LabelMap back = painted(simple, map.height, map.width, false);
      for (int y = 0; y < map.height; ++y)
        for (int x = 0; x < map.width; ++x) {
          if (back.row(y)[x] == map.row(y)[x]) continue;
          ASSERT_LE(from_border(map, x, y, tolerance + 2), tolerance)
              << tolerance << " at " << x << ", " << y;
        }
    }
}

TEST(Polygons, NeighboursShareTheirBorder) {
  const LabelMap map = blobs(4, 90, 120, 4);
  // What is covered twice or not at all: crossing borders are rare and lie within the tolerance of one.
  std::vector<int> cover(map.labels.size());
  for (const LabelPolygon& polygon : label_polygons(map, 1.0)) {
    LabelMap alone(map.height, map.width, kNothing);
    paint_polygon(polygon, alone);
    for (std::size_t i = 0; i < cover.size(); ++i) cover[i] += alone.labels[i] != kNothing ? 1 : 0;
  }
  std::size_t wrong = 0;
  for (const int count : cover) wrong += count != 1 ? 1 : 0;
  EXPECT_LE(wrong, cover.size() / 1000);
}

TEST(Polygons, WhatIsThinnerThanTheToleranceMayGoAndThePictureKeepsItsCorners) {
  const LabelMap map = map_of({"aaaaaaaaaa", "aaaabaaaaa", "aaaaaaaaaa", "aaaaaaaaaa"});
  const auto polygons = label_polygons(map, 3);
  ASSERT_EQ(polygons.size(), 1u);
  EXPECT_THAT(polygons[0].rings,
              ElementsAre(ElementsAre(Corner{10, 0}, Corner{10, 4}, Corner{0, 4}, Corner{0, 0})));
}

TEST(Polygons, RefuseWhatIsNoMap) {
  LabelMap map(3, 3);
  EXPECT_THROW(label_polygons(map, -1), Error);
  EXPECT_THROW(label_polygons(map, std::numeric_limits<double>::quiet_NaN()), Error);
  map.labels.pop_back();
  EXPECT_THROW(label_polygons(map), Error);
  EXPECT_THROW(label_polygons(LabelMap()), Error);
}

TEST(Polygons, PaintingStaysOnTheMap) {
  LabelMap map(4, 4);
  paint_polygon({3, 0, {{{-50, -50}, {90, -50}, {90, 2}, {-50, 2}}}}, map);
  EXPECT_EQ(std::ranges::count(map.labels, 3), 8);
}

}  // namespace
}  // namespace san
