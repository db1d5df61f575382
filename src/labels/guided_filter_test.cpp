#include "labels/guided_filter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/random.h"

namespace san {
namespace {

std::vector<float> some_map(int height, int width, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<float> map(static_cast<std::size_t>(height) * static_cast<std::size_t>(width));
  for (float& v : map) v = rng.uniform();
  return map;
}

Image some_picture(int height, int width) {
  Image image(height, width);
  Rng rng(11);
  for (auto& v : image.rgb) v = static_cast<std::uint8_t>(rng.below(256));
  return image;
}

/// The pixels of the window around (y, x).
template <class Visit>
void window(int height, int width, int radius, int y, int x, const Visit& visit) {
  for (int v = std::max(0, y - radius); v <= std::min(height - 1, y + radius); ++v)
    for (int u = std::max(0, x - radius); u <= std::min(width - 1, x + radius); ++u)
      visit(static_cast<std::size_t>(v * width + u));
}

TEST(BoxMeans, AreMeansOfWhatLiesInside) {
  for (const int radius : {1, 3, 20}) {
    const int height = 9, width = 13;
    const std::vector<float> map = some_map(height, width, 5);
    std::vector<float> out(map.size());
    box_means(map, height, width, radius, out);
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x) {
        double sum = 0;
        int count = 0;
        window(height, width, radius, y, x,
               [&](std::size_t i) { sum += static_cast<double>(map[i]), ++count; });
        // Running sums of up to 22 values below 1, in float32.
        EXPECT_NEAR(out[static_cast<std::size_t>(y * width + x)], sum / count, 2e-6);
      }
  }
}

/// The definition, window by window: in each the least-squares plane over colours, ridge epsilon.
std::vector<double> by_definition(const Image& guide, int radius, double epsilon,
                                  const std::vector<float>& map) {
  const int height = guide.height, width = guide.width;
  const auto colour = [&](std::size_t i, int c) {
    return guide.rgb[3 * i + static_cast<std::size_t>(c)] / 255.0;
  };
  std::vector<double> out(map.size());
  std::vector<std::array<double, 4>> planes;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      double n = 0, mean_p = 0, mean[3] = {}, cross[3] = {}, cov[3][4] = {};
      window(height, width, radius, y, x, [&](std::size_t i) {
        ++n;
        mean_p += static_cast<double>(map[i]);
        for (int a = 0; a < 3; ++a) {
          mean[a] += colour(i, a);
          cross[a] += colour(i, a) * static_cast<double>(map[i]);
          for (int b = 0; b < 3; ++b) cov[a][b] += colour(i, a) * colour(i, b);
        }
      });
      for (int a = 0; a < 3; ++a) {
        for (int b = 0; b < 3; ++b)
          cov[a][b] = cov[a][b] / n - mean[a] / n * mean[b] / n + (a == b ? epsilon : 0);
        cov[a][3] = cross[a] / n - mean[a] / n * mean_p / n;
      }
      for (int a = 0; a < 3; ++a)  // Gauss and Jordan; the matrix is positive definite
        for (int r = 0; r < 3; ++r) {
          if (r == a) continue;
          const double factor = cov[r][a] / cov[a][a];
          for (int c = 0; c < 4; ++c) cov[r][c] -= factor * cov[a][c];
        }
      std::array<double, 4> plane{cov[0][3] / cov[0][0], cov[1][3] / cov[1][1], cov[2][3] / cov[2][2],
                                  mean_p / n};
      for (int a = 0; a < 3; ++a) plane[3] -= plane[static_cast<std::size_t>(a)] * mean[a] / n;
      planes.push_back(plane);
    }
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      const auto here = static_cast<std::size_t>(y * width + x);
      double sum = 0, n = 0;
      window(height, width, radius, y, x, [&](std::size_t i) {
        sum += planes[i][3];
        for (int a = 0; a < 3; ++a) sum += planes[i][static_cast<std::size_t>(a)] * colour(here, a);
        ++n;
      });
      out[here] = sum / n;
    }
  return out;
}

TEST(GuidedFilter, IsItsDefinition) {
  const Image guide = some_picture(11, 17);
  const std::vector<float> map = some_map(11, 17, 6);
  for (const int radius : {1, 4}) {
    std::vector<float> out(map.size());
    GuidedFilter(guide, radius, 1e-2f).run(map, out);
    const std::vector<double> expected = by_definition(guide, radius, 1e-2, map);
    // float32 variances near 1e-2 from sums near 1: relative 1e-5, through one 3 × 3 inverse of condition
    // about 10.
    for (std::size_t i = 0; i < out.size(); ++i) EXPECT_NEAR(out[i], expected[i], 5e-4);
  }
}

TEST(GuidedFilter, KeepsAConstant) {
  const Image guide = some_picture(8, 8);
  std::vector<float> map(64, 0.25f);
  GuidedFilter(guide, 2, 1e-3f).run(map, map);
  for (const float v : map) EXPECT_NEAR(v, 0.25f, 1e-4);
}

TEST(GuidedFilter, MovesABlurredEdgeToThePicturesEdge) {
  const int side = 32;
  Image guide(side, side);
  std::vector<float> map;
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x) {
      std::fill_n(guide.row(y) + 3 * x, 3, static_cast<std::uint8_t>(x < 13 ? 40 : 200));
      map.push_back(std::clamp((static_cast<float>(x) - 10) / 12, 0.0f, 1.0f));  // its middle is at 16
    }
  GuidedFilter(guide, 8, 1e-3f).run(map, map);
  const float* row = map.data() + 16 * side;
  EXPECT_LT(row[12], 0.5f);
  EXPECT_GT(row[13], 0.5f);
}

}  // namespace
}  // namespace san
