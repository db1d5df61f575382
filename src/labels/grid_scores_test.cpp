#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "base/error.h"
#include "labels/head_options_for_tests.h"
#include "labels/mask_proposals.h"

namespace san {
namespace {

using test::plain;
using test::up_to;

struct Case {
  std::vector<float> logits;
  HeadView view;
};

Case random_grid(unsigned seed, int rows, int grid_h, int grid_w, float scale) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  Case c;
  for (int i = 0; i < grid_h * grid_w * rows; ++i) c.logits.push_back(normal(random));
  c.view.grid_height = grid_h, c.view.grid_width = grid_w;
  c.view.padded_height = c.view.content_height = grid_h * 16;
  c.view.padded_width = c.view.content_width = grid_w * 16;
  c.view.grid_logits = c.logits;
  c.view.grid_scale = scale;
  return c;
}

/// The definition in float64: one bilinear resize from the grid to the padded size, cut, one to the output.
double resized(const Case& c, int rows, int row, int height, int width, int y, int x) {
  const auto at = [&](int gy, int gx) {
    return static_cast<double>(
        c.logits[static_cast<std::size_t>((gy * c.view.grid_width + gx) * rows + row)]);
  };
  const auto source = [](int in, int out, int i) { return std::max(0.0, (i + 0.5) * in / out - 0.5); };
  const auto lerp = [](double a, double b, double t) { return a + (b - a) * t; };
  const auto padded = [&](int py, int px) {
    const double sy = source(c.view.grid_height, c.view.padded_height, py),
                 sx = source(c.view.grid_width, c.view.padded_width, px);
    const int y0 = static_cast<int>(sy), x0 = static_cast<int>(sx);
    const int y1 = std::min(y0 + 1, c.view.grid_height - 1), x1 = std::min(x0 + 1, c.view.grid_width - 1);
    return lerp(lerp(at(y0, x0), at(y0, x1), sx - x0), lerp(at(y1, x0), at(y1, x1), sx - x0), sy - y0);
  };
  const double sy = source(c.view.content_height, height, y), sx = source(c.view.content_width, width, x);
  const int y0 = static_cast<int>(sy), x0 = static_cast<int>(sx);
  const int y1 = std::min(y0 + 1, c.view.content_height - 1), x1 = std::min(x0 + 1, c.view.content_width - 1);
  return lerp(lerp(padded(y0, x0), padded(y0, x1), sx - x0), lerp(padded(y1, x0), padded(y1, x1), sx - x0),
              sy - y0);
}

TEST(GridScores, FollowTheDefinition) {
  ThreadPool pool(2);
  SegmentationHead head(pool);
  constexpr int kClasses = 5, kHeight = 31, kWidth = 77;
  Case c = random_grid(3, kClasses, 4, 6, 2.5f);
  c.view.content_height = 50, c.view.content_width = 83;
  const auto scores = head.class_scores({&c.view, 1}, kHeight, kWidth, plain(kClasses), up_to(kClasses));
  for (int y = 0; y < kHeight; ++y)
    for (int x = 0; x < kWidth; ++x) {
      double sum = 0, powers[kClasses];
      for (int k = 0; k < kClasses; ++k)
        sum += powers[k] = std::exp(2.5 * resized(c, kClasses, k, kHeight, kWidth, y, x));
      // Float32 logits below 4 and positions on a grid of 6: 1e-6 each, times the scale.
      for (int k = 0; k < kClasses; ++k)
        ASSERT_NEAR(scores[static_cast<std::size_t>((k * kHeight + y) * kWidth + x)], powers[k] / sum, 1e-5);
    }
}

TEST(GridScores, LabelsAreTheArgmaxAndCarryItsScore) {
  ThreadPool pool(2);
  SegmentationHead head(pool);
  const Case c = random_grid(5, 7, 3, 4, 1.0f);
  HeadOptions options = plain(7);
  options.label_scores = true;
  const auto result = head.run({&c.view, 1}, 37, 51, options);
  const auto scores = head.class_scores({&c.view, 1}, 37, 51, options, up_to(7));
  const std::size_t plane = 37 * 51;
  std::vector<std::int64_t> areas(8, 0);
  for (std::size_t p = 0; p < plane; ++p) {
    const std::size_t label = result.labels.labels[p];
    for (std::size_t k = 0; k < 7; ++k) ASSERT_LE(scores[k * plane + p], scores[label * plane + p]);
    ASSERT_EQ(result.label_scores[p], scores[label * plane + p]);
    ++areas[label];
  }
  EXPECT_EQ(result.areas, areas);
  EXPECT_EQ(head.run({&c.view, 1}, 37, 51, plain(7)).labels, result.labels);
}

TEST(GridScores, FirstClassWinsTiesAndSynonymsShareTheLargest) {
  ThreadPool pool(1);
  SegmentationHead head(pool);
  const std::vector<float> logits{1, 3, 3, 2, 0};
  HeadView view;
  view.grid_height = view.grid_width = 1;
  view.padded_height = view.padded_width = view.content_height = view.content_width = 16;
  view.grid_logits = logits;
  EXPECT_EQ(head.run({&view, 1}, 8, 8, plain(5)).areas[1], 64);
  HeadOptions options = plain(3);
  const std::vector<int> row_class{0, 1, 2, 0, 0};
  options.row_class = row_class;
  const auto scores = head.class_scores({&view, 1}, 1, 1, options, up_to(3));
  const double sum = std::exp(2.0) + 2 * std::exp(3.0);  // class 0 is worth the best of 1, 2 and 0
  EXPECT_NEAR(scores[0], std::exp(2.0) / sum, 1e-6);
  EXPECT_NEAR(scores[1], std::exp(3.0) / sum, 1e-6);
}

TEST(GridScores, AMirroredViewGivesTheMirroredLabels) {
  ThreadPool pool(2);
  SegmentationHead head(pool);
  Case c = random_grid(9, 6, 3, 5, 1.0f);
  const SegmentationResult straight = head.run({&c.view, 1}, 40, 70, plain(6));
  c.view.mirrored = true;
  SegmentationResult flipped = head.run({&c.view, 1}, 40, 70, plain(6));
  for (int y = 0; y < 40; ++y) std::reverse(flipped.labels.row(y), flipped.labels.row(y) + 70);
  EXPECT_EQ(straight.labels, flipped.labels);
}

TEST(GridScores, ViewsAverageTheirLogitsWhereTheyCover) {
  ThreadPool pool(2);
  SegmentationHead head(pool);
  const Case a = random_grid(1, 2, 3, 4, 1.0f), b = random_grid(2, 2, 2, 2, 1.0f);
  std::vector<HeadView> views{a.view, b.view};
  views[1].region = {10, 13, 21, 30};
  const auto margin = [&](std::span<const HeadView> of, int height, int width) {
    auto scores = head.class_scores(of, height, width, plain(2), up_to(2));
    std::vector<double> logit;  // of class 0 over class 1: ln(p / (1 − p))
    for (std::size_t p = 0; p < scores.size() / 2; ++p)
      logit.push_back(std::log(static_cast<double>(scores[p]) / scores[scores.size() / 2 + p]));
    return logit;
  };
  const auto both = margin(views, 45, 60), whole = margin({&a.view, 1}, 45, 60),
             part = margin({&b.view, 1}, 21, 30);
  for (int y = 0; y < 45; ++y)
    for (int x = 0; x < 60; ++x) {
      double expected = whole[static_cast<std::size_t>(y * 60 + x)];
      if (y >= 10 && y < 31 && x >= 13 && x < 43)
        expected = (expected + part[static_cast<std::size_t>((y - 10) * 30 + x - 13)]) / 2;
      // Probabilities above 1e-3 to float32 precision.
      ASSERT_NEAR(both[static_cast<std::size_t>(y * 60 + x)], expected, 1e-4);
    }
  EXPECT_THROW(head.run(std::span(views).subspan(1), 45, 60, plain(2)), Error);
}

TEST(GridScores, RefuseWhatAGridCannotGive) {
  ThreadPool pool(1);
  SegmentationHead head(pool);
  const Case c = random_grid(1, 3, 2, 2, 1.0f);
  const auto run = [&](const HeadView& view, const HeadOptions& options) {
    return head.run({&view, 1}, 8, 8, options);
  };
  EXPECT_NO_THROW(run(c.view, plain(3)));
  HeadOptions options = plain(3);
  options.background = Background::kOther;
  EXPECT_THROW(run(c.view, options), Error);
  options = plain(3);
  options.min_coverage = 0.5f;
  EXPECT_THROW(run(c.view, options), Error);
  EXPECT_THROW(run(c.view, plain(4)), Error);
  EXPECT_THROW(head.class_scores({&c.view, 1}, 8, 8, plain(3), up_to(4)), Error);
  EXPECT_THROW(mask_proposals(c.view, 8, 8, plain(3), {}, pool), Error);

  HeadView queries = c.view;
  const std::vector<float> class_logits(4), mask_logits(4);
  queries.grid_logits = {}, queries.queries = 1;
  queries.class_logits = class_logits, queries.mask_logits = mask_logits;
  EXPECT_NO_THROW(run(queries, plain(3)));
  const std::vector<HeadView> mixed{queries, c.view}, turned{c.view, queries};
  EXPECT_THROW(head.run(mixed, 8, 8, plain(3)), Error);
  EXPECT_THROW(head.run(turned, 8, 8, plain(3)), Error);
  std::vector<float> broken = c.logits;
  broken[5] = std::nanf("");
  HeadView view = c.view;
  view.grid_logits = broken;
  EXPECT_THROW(run(view, plain(3)), Error);
  view = c.view;
  view.grid_scale = 0;
  EXPECT_THROW(run(view, plain(3)), Error);
}

}  // namespace
}  // namespace san
