#include "flow/flow.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/random.h"

namespace san {
namespace {

/// Soft blobs, moved by (dy, dx): what flow can be found in.
Image blobs(int height, int width, float dy, float dx, std::uint64_t seed = 1) {
  Image image(height, width);
  Rng rng(seed);
  struct Blob {
    float y, x, radius, light;
  };
  std::vector<Blob> all;
  for (int i = 0; i < 60; ++i)
    all.push_back({rng.uniform(-10, static_cast<float>(height) + 10),
                   rng.uniform(-10, static_cast<float>(width) + 10), rng.uniform(3, 12),
                   rng.uniform(-90, 90)});
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      float light = 128;
      for (const Blob& b : all) {
        const float r2 = (static_cast<float>(y) - b.y - dy) * (static_cast<float>(y) - b.y - dy) +
                         (static_cast<float>(x) - b.x - dx) * (static_cast<float>(x) - b.x - dx);
        light += b.light * std::exp(-r2 / (b.radius * b.radius));
      }
      std::fill_n(image.row(y) + 3 * static_cast<std::ptrdiff_t>(x), 3,
                  static_cast<std::uint8_t>(std::clamp(light, 0.0f, 255.0f)));
    }
  return image;
}

FlowField constant(int height, int width, float dy, float dx) {
  FlowField f;
  f.height = height, f.width = width;
  f.dy.assign(static_cast<std::size_t>(height) * static_cast<std::size_t>(width), dy);
  f.dx.assign(f.dy.size(), dx);
  return f;
}

double median_of(std::vector<float> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
  return static_cast<double>(values[values.size() / 2]);
}

TEST(Flow, LeadsToWhereThePixelWas) {
  for (const auto& [height, width] : {std::pair{96, 131}, {300, 700}}) {
    FlowEstimator estimator;
    FlowField flow;
    estimator.flow(blobs(height, width, 0, 0), blobs(height, width, 2.5f, -4.0f), flow);
    ASSERT_EQ(flow.height, height);
    ASSERT_EQ(flow.width, width);
    // Half a pixel: what subpixel refinement leaves, more so where the flow was found on a smaller picture.
    EXPECT_NEAR(median_of(flow.dy), -2.5, 0.5);
    EXPECT_NEAR(median_of(flow.dx), 4.0, 0.5);
  }
}

TEST(Flow, OfTinyAndUnlikePictures) {
  FlowEstimator estimator;
  FlowField flow;
  estimator.flow(Image(3, 5), Image(3, 5), flow);
  EXPECT_EQ(flow.dx, std::vector<float>(15, 0.0f));
  EXPECT_THROW(estimator.flow(Image(30, 50), Image(30, 51), flow), Error);
}

TEST(Flow, StepsAddUp) {
  FlowField sum;
  follow(constant(20, 30, 1, 2), constant(20, 30, 0.5f, -4), sum);
  EXPECT_EQ(sum.dy, constant(20, 30, 1.5f, -2).dy);
  EXPECT_EQ(sum.dx, constant(20, 30, 1.5f, -2).dx);
}

TEST(Flow, LabelsGoAlong) {
  LabelMap from(8, 10);
  from.row(3)[4] = 7;
  from.row(0)[0] = 9;
  LabelMap to;
  carry(from, constant(8, 10, -2, 1), to);  // each pixel was two rows up and one column to the right
  EXPECT_EQ(to.row(5)[3], 7);
  EXPECT_EQ(std::ranges::count(to.labels, 7), 1);
  EXPECT_EQ(to.row(2)[9], from.row(0)[9]) << "the rim takes the nearest";
}

TEST(LabelChanges, CountMotionInPlaceAndNotAlongIt) {
  LabelMap before(20, 20), now(20, 20);
  for (int y = 5; y < 10; ++y)
    for (int x = 5; x < 10; ++x) before.row(y)[x] = 1, now.row(y)[x + 2] = 1;
  const LabelChanges moved = label_changes(before, now, constant(20, 20, 0, -2), constant(20, 20, 0, 2));
  EXPECT_DOUBLE_EQ(moved.in_place, 20 / 400.0) << "two columns of five at each side";
  EXPECT_DOUBLE_EQ(moved.along_flow, 0);
  EXPECT_DOUBLE_EQ(moved.compared, 18 / 20.0) << "two columns come from outside";
  now.row(7)[8] = 3;
  EXPECT_DOUBLE_EQ(label_changes(before, now, constant(20, 20, 0, -2), constant(20, 20, 0, 2)).along_flow,
                   1 / 360.0);
  EXPECT_DOUBLE_EQ(label_changes(before, now, constant(20, 20, 0, -2), constant(20, 20, 0, 9)).compared, 0)
      << "a flow that does not lead back is not believed";
}

TEST(SceneChange, TellsACutFromMotion) {
  const Image a = blobs(96, 128, 0, 0), moved = blobs(96, 128, 3, 5);
  Image other = blobs(96, 128, 0, 0, 2);
  for (auto& v : other.rgb) v = static_cast<std::uint8_t>(v / 3);
  EXPECT_EQ(scene_change(a, a), 0);
  EXPECT_LT(scene_change(a, moved), 0.25);
  EXPECT_GT(scene_change(a, other), 0.6);
}

}  // namespace
}  // namespace san
