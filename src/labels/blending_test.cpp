#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "base/error.h"
#include "labels/axis_weights.h"
#include "labels/head_options_for_tests.h"
#include "labels/segmentation_head.h"

namespace san {
namespace {

using test::plain;
using test::up_to;

struct Case {
  std::vector<float> class_logits, mask_logits, grid_logits;
  HeadView view;
};

std::vector<float> normals(std::mt19937& random, int count, float scale) {
  std::normal_distribution<float> normal;
  std::vector<float> values;
  for (int i = 0; i < count; ++i) values.push_back(scale * normal(random));
  return values;
}

Case random_queries(unsigned seed, int queries, int rows, int grid) {
  std::mt19937 random(seed);
  Case c;
  c.class_logits = normals(random, queries * (rows + 1), 2.0f);
  c.mask_logits = normals(random, queries * grid * grid, 5.0f);
  c.view.class_logits = c.class_logits, c.view.mask_logits = c.mask_logits, c.view.queries = queries;
  c.view.grid_height = c.view.grid_width = grid;
  c.view.padded_height = c.view.padded_width = c.view.content_height = c.view.content_width = 16 * grid;
  return c;
}

Case random_grid(unsigned seed, int rows, int grid) {
  std::mt19937 random(seed);
  Case c;
  c.grid_logits = normals(random, grid * grid * rows, 1.0f);
  c.view.grid_logits = c.grid_logits;
  c.view.grid_height = c.view.grid_width = grid;
  c.view.padded_height = c.view.padded_width = c.view.content_height = c.view.content_width = 16 * grid;
  return c;
}

/// Four tiles of 40 × 40 on 64 × 70 pixels, with ramps as wide as they overlap.
constexpr int kHeight = 64, kWidth = 70;
std::vector<HeadView> tiled(const std::vector<Case>& cases) {
  std::vector<HeadView> views;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const bool low = i >= 2, right = i % 2 == 1;
    views.push_back(cases[i].view);
    views.back().region = {low ? 24 : 0, right ? 30 : 0, 40, 40};
    views.back().ramps = {low ? 16 : 0, low ? 0 : 16, right ? 10 : 0, right ? 0 : 10};
  }
  return views;
}

std::vector<Case> query_cases() {
  std::vector<Case> cases;
  for (unsigned i = 0; i < 4; ++i) cases.push_back(random_queries(60 + i, 9, 40, 3));
  return cases;
}

TEST(Blending, WeightsOfNeighboursAddUpToOne) {
  const std::vector<float> falling = ramp_weights(40, 0, 10), rising = ramp_weights(40, 10, 0);
  for (std::size_t i = 0; i < 30; ++i) EXPECT_EQ(falling[i], 1.0f);
  // Two roundings of numbers up to one.
  for (std::size_t i = 0; i < 10; ++i) EXPECT_NEAR(falling[30 + i] + rising[i], 1.0f, 2e-7f);
  EXPECT_FLOAT_EQ(rising[0], 0.05f);
  EXPECT_TRUE(ramp_weights(40, 0, 0).empty());
  for (const float weight : ramp_weights(3, 8, 8)) EXPECT_GT(weight, 0.0f) << "no pixel may weigh nothing";
}

TEST(Blending, ScoresAreTheWeightedMeanOfTheTiles) {
  ThreadPool pool(2);
  SegmentationHead head(pool);
  const std::vector<Case> cases = query_cases();
  const std::vector<HeadView> views = tiled(cases);
  constexpr int kClasses = 40;
  const auto blended = head.class_scores(views, kHeight, kWidth, plain(kClasses), up_to(kClasses));
  std::vector<double> sum(blended.size()), weights(static_cast<std::size_t>(kHeight) * kWidth);
  const auto weight = [](int i, int rising, int falling, int length) {
    const double up = rising > 0 ? std::min(1.0, (i + 0.5) / rising) : 1.0;
    const double down = falling > 0 ? std::min(1.0, (length - 1 - i + 0.5) / falling) : 1.0;
    return std::min(up, down);
  };
  for (HeadView view : views) {
    const Region at = view.region;
    const Ramps ramps = view.ramps;
    view.region = {}, view.ramps = {};
    const auto alone = head.class_scores({&view, 1}, 40, 40, plain(kClasses), up_to(kClasses));
    for (int y = 0; y < 40; ++y)
      for (int x = 0; x < 40; ++x) {
        const double w = weight(y, ramps.top, ramps.bottom, 40) * weight(x, ramps.left, ramps.right, 40);
        const auto pixel = static_cast<std::size_t>((at.y + y) * kWidth + at.x + x);
        weights[pixel] += w;
        for (std::size_t k = 0; k < kClasses; ++k)
          sum[k * weights.size() + pixel] += w * alone[k * 1600 + static_cast<std::size_t>(y * 40 + x)];
      }
  }
  for (std::size_t i = 0; i < blended.size(); ++i) {
    const double total = weights[i % weights.size()];
    ASSERT_NEAR(total, 1.0, 1e-12) << "the ramps are as wide as the overlap";
    // Scores below 9 (queries), a few roundings each.
    ASSERT_NEAR(blended[i], sum[i] / total, 4e-6) << i;
  }
}

TEST(Blending, LabelsAreTheArgmaxOfTheScores) {
  ThreadPool pool(2);
  SegmentationHead head(pool);
  const std::vector<Case> cases = query_cases();
  const std::vector<HeadView> views = tiled(cases);
  for (const Background background : {Background::kNone, Background::kOther}) {
    HeadOptions options = plain(40);
    options.background = background;
    const int columns = background == Background::kOther ? 41 : 40;
    const auto scores = head.class_scores(views, kHeight, kWidth, options, up_to(columns));
    const SegmentationResult fast = head.run(views, kHeight, kWidth, options);
    options.label_scores = true;
    const SegmentationResult scored = head.run(views, kHeight, kWidth, options);
    EXPECT_EQ(fast.labels, scored.labels);
    const std::size_t plane = fast.labels.labels.size();
    for (std::size_t p = 0; p < plane; ++p) {
      const std::size_t label = fast.labels.labels[p];
      for (std::size_t k = 0; k < static_cast<std::size_t>(columns); ++k)
        ASSERT_LE(scores[k * plane + p], scores[label * plane + p]) << p;
      ASSERT_EQ(scored.label_scores[p], scores[label * plane + p]) << p;
    }
  }
}

TEST(Blending, APartIsCutOutOfTheWhole) {
  ThreadPool pool(2);
  SegmentationHead head(pool);
  std::vector<Case> queries = query_cases(), grids;
  for (unsigned i = 0; i < 4; ++i) grids.push_back(random_grid(70 + i, 40, 3));
  for (const std::vector<Case>& cases : {queries, grids}) {
    const std::vector<HeadView> views = tiled(cases);
    HeadOptions options = plain(40);
    options.label_scores = true;
    const SegmentationResult whole = head.run(views, kHeight, kWidth, options);
    const auto scores = head.class_scores(views, kHeight, kWidth, options, up_to(40));
    options.part = {21, 13, 30, 51};
    const SegmentationResult part = head.run(views, kHeight, kWidth, options);
    const auto part_scores = head.class_scores(views, kHeight, kWidth, options, up_to(40));
    ASSERT_EQ(part.labels.height, 30);
    ASSERT_EQ(part.labels.width, 51);
    ASSERT_EQ(part_scores.size(), 40u * 30 * 51);
    std::int64_t area = 0;
    for (const std::int64_t pixels : part.areas) area += pixels;
    EXPECT_EQ(area, 30 * 51);
    for (int y = 0; y < 30; ++y)
      for (int x = 0; x < 51; ++x) {
        const auto at = static_cast<std::size_t>(y * 51 + x),
                   from = static_cast<std::size_t>((21 + y) * kWidth + 13 + x);
        ASSERT_EQ(part.labels.labels[at], whole.labels.labels[from]);
        ASSERT_EQ(part.label_scores[at], whole.label_scores[from]);
        ASSERT_EQ(part_scores[7 * 30 * 51 + at], scores[7 * kHeight * kWidth + from]);
      }
  }
}

TEST(Blending, GridsAreWeightedBeforeTheSoftmax) {
  ThreadPool pool(1);
  SegmentationHead head(pool);
  // One cell each: logits 0 and 4 for the first of two classes, 0 for the second.
  const std::vector<float> low{0, 0}, high{4, 0};
  HeadView a;
  a.grid_height = a.grid_width = 1;
  a.padded_height = a.padded_width = a.content_height = a.content_width = 16;
  a.grid_logits = low;
  HeadView b = a;
  b.grid_logits = high;
  a.region = {0, 0, 1, 12}, b.region = {0, 8, 1, 12};
  a.ramps.right = b.ramps.left = 4;
  const std::vector<HeadView> views{a, b};
  const auto scores = head.class_scores(views, 1, 20, plain(2), up_to(1));
  for (int x = 0; x < 20; ++x) {
    const double share = x < 8 ? 0.0 : x >= 12 ? 1.0 : (x - 8 + 0.5) / 4;
    // One rounded exponential.
    EXPECT_NEAR(scores[static_cast<std::size_t>(x)], 1 / (1 + std::exp(-4 * share)), 1e-6) << x;
  }
}

TEST(Blending, RefusesWhatDoesNotFit) {
  ThreadPool pool(1);
  SegmentationHead head(pool);
  Case c = random_queries(1, 3, 3, 2);
  HeadOptions options = plain(3);
  options.part = {4, 4, 5, 5};
  EXPECT_THROW(head.run({&c.view, 1}, 8, 8, options), Error);
  options.part = {-1, 0, 2, 2};
  EXPECT_THROW(head.run({&c.view, 1}, 8, 8, options), Error);
  options.part = {};
  c.view.ramps.left = -3;
  EXPECT_THROW(head.run({&c.view, 1}, 8, 8, options), Error);
  c.view.ramps.left = 3;
  EXPECT_NO_THROW(head.run({&c.view, 1}, 8, 8, options));
  options.background = Background::kOther;
  options.min_coverage = 0.5f;
  EXPECT_THROW(head.run({&c.view, 1}, 8, 8, options), Error) << "coverage of weighted views is not defined";
}

}  // namespace
}  // namespace san
