#include "labels/segmentation_head.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "base/error.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/test_files.h"
#include "labels/head_options_for_tests.h"

namespace san {
namespace {

using test::plain;
using test::up_to;

using Plane = std::vector<double>;

/// The definition, written down without a thought for speed: float64 throughout.
Plane resize_plane(const Plane& in, int in_h, int in_w, int stride, int out_h, int out_w) {
  const auto source = [](int n_in, int n_out, int i) {
    return std::max(0.0, (i + 0.5) * n_in / n_out - 0.5);
  };
  Plane out;
  for (int y = 0; y < out_h; ++y)
    for (int x = 0; x < out_w; ++x) {
      const double sy = source(in_h, out_h, y), sx = source(in_w, out_w, x);
      const int y0 = static_cast<int>(sy), x0 = static_cast<int>(sx);
      const int y1 = std::min(y0 + 1, in_h - 1), x1 = std::min(x0 + 1, in_w - 1);
      const double fy = sy - y0, fx = sx - x0;
      const auto at = [&](int r, int c) { return in[static_cast<std::size_t>(r * stride + c)]; };
      out.push_back((1 - fy) * ((1 - fx) * at(y0, x0) + fx * at(y0, x1)) +
                    fy * ((1 - fx) * at(y1, x0) + fx * at(y1, x1)));
    }
  return out;
}

/// score[k][y·width + x] of one view over the whole output, the background last; classes are rows.
std::vector<Plane> reference_scores(const HeadView& view, int height, int width) {
  const std::size_t queries = static_cast<std::size_t>(view.queries),
                    columns = view.class_logits.size() / queries;
  const std::size_t cells = view.mask_logits.size() / queries;
  std::vector<Plane> scores(columns, Plane(static_cast<std::size_t>(height * width), 0.0));
  for (std::size_t q = 0; q < queries; ++q) {
    const auto masks = view.mask_logits.subspan(q * cells, cells);
    const Plane grid(masks.begin(), masks.end());
    const Plane padded = resize_plane(grid, view.grid_height, view.grid_width, view.grid_width,
                                      view.padded_height, view.padded_width);
    const Plane logits =
        resize_plane(padded, view.content_height, view.content_width, view.padded_width, height, width);
    double sum = 0.0;
    for (std::size_t k = 0; k < columns; ++k) sum += std::exp(view.class_logits[q * columns + k]);
    for (std::size_t k = 0; k < columns; ++k)
      for (std::size_t p = 0; p < logits.size(); ++p)
        scores[k][p] += std::exp(view.class_logits[q * columns + k]) / sum / (1 + std::exp(-logits[p]));
  }
  return scores;
}

struct Case {
  std::vector<float> class_logits, mask_logits;
  HeadView view;
};

Case random_case(unsigned seed, int queries, int rows, int grid_h, int grid_w, float class_scale,
                 float mask_scale) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  Case c;
  for (int i = 0; i < queries * (rows + 1); ++i) c.class_logits.push_back(class_scale * normal(random));
  for (int i = 0; i < queries * grid_h * grid_w; ++i)
    c.mask_logits.push_back(mask_scale * (normal(random) - 0.5f));
  c.view = {c.class_logits, c.mask_logits, queries,     grid_h,     grid_w,
            grid_h * 16,    grid_w * 16,   grid_h * 16, grid_w * 16};
  return c;
}

/// The labels must be the argmax of the dense scores, pixel for pixel, and their scores the same numbers.
void expect_argmax(SegmentationHead& head, std::span<const HeadView> views, int height, int width,
                   HeadOptions options) {
  const int columns = options.classes + (options.background == Background::kOther ? 1 : 0);
  const std::vector<float> scores = head.class_scores(views, height, width, options, up_to(columns));
  const SegmentationResult fast = head.run(views, height, width, options);
  options.label_scores = true;
  const SegmentationResult scored = head.run(views, height, width, options);
  EXPECT_EQ(fast.labels, scored.labels);
  const std::size_t plane = fast.labels.labels.size();
  std::vector<std::int64_t> areas(static_cast<std::size_t>(options.classes) + 1, 0);
  std::size_t wrong = 0;
  for (std::size_t p = 0; p < plane; ++p) {
    std::size_t best = 0;
    for (std::size_t k = 1; k < static_cast<std::size_t>(columns); ++k)
      if (scores[k * plane + p] > scores[best * plane + p]) best = k;
    wrong += fast.labels.labels[p] != best || scored.label_scores[p] != scores[best * plane + p];
    ++areas[fast.labels.labels[p]];
  }
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(fast.areas, areas);
}

class RandomHead : public testing::TestWithParam<std::tuple<int, int, float, float>> {};

TEST_P(RandomHead, LabelsAreTheArgmaxOfTheScores) {
  const auto [queries, classes, class_scale, mask_scale] = GetParam();
  ThreadPool pool(2);
  SegmentationHead head(pool);
  const Case c = random_case(7, queries, classes, 3, 4, class_scale, mask_scale);
  expect_argmax(head, std::span(&c.view, 1), 37, 51, plain(classes));
  HeadOptions other = plain(classes);
  other.background = Background::kOther;
  expect_argmax(head, std::span(&c.view, 1), 37, 51, other);
}

// Peaked, ordinary, flat and exactly equal classes; faint, ordinary and steep masks.
INSTANTIATE_TEST_SUITE_P(Shapes, RandomHead,
                         testing::Combine(testing::Values(1, 16, 37), testing::Values(1, 2, 17, 300),
                                          testing::Values(8.0f, 1.0f, 1e-3f, 0.0f),
                                          testing::Values(0.1f, 5.0f, 60.0f)));

TEST(SegmentationHead, EveryInstructionSetAgrees) {
  ThreadPool pool(1);
  SegmentationHead head(pool);
  const Case c = random_case(21, 37, 40, 3, 4, 2.0f, 5.0f);
  const auto expected = head.class_scores(std::span(&c.view, 1), 37, 51, plain(40), up_to(41));
  const std::int64_t supported = hwy::SupportedTargets();
  for (std::int64_t targets = supported; targets != 0; targets &= targets - 1) {
    hwy::SetSupportedTargetsForTest(targets & -targets);
    const auto scores = head.class_scores(std::span(&c.view, 1), 37, 51, plain(40), up_to(41));
    // With or without fused multiply-add: 37 roundings of sums below 20.
    for (std::size_t i = 0; i < scores.size(); ++i)
      ASSERT_NEAR(scores[i], expected[i], 2e-5) << hwy::TargetName(targets & -targets);
    expect_argmax(head, std::span(&c.view, 1), 37, 51, plain(40));
  }
  hwy::SetSupportedTargetsForTest(0);
}

TEST(SegmentationHead, ManyClassesEqualDenseToo) {
  ThreadPool pool(2);
  const Case c = random_case(3, 100, 2000, 2, 2, 3.0f, 6.0f);
  SegmentationHead head(pool);
  expect_argmax(head, std::span(&c.view, 1), 32, 32, plain(2000));
}

TEST(SegmentationHead, MoreClassesThanSixteenBitsTellApartEqualDenseToo) {
  ThreadPool pool(2);
  constexpr int kClasses = 70'000;
  Case c = random_case(4, 12, kClasses, 2, 2, 3.0f, 6.0f);
  // A rival that differs by 65,536: a label that lost its upper bits would be it.
  for (int q = 0; q < 6; ++q)
    c.class_logits[static_cast<std::size_t>(q * (kClasses + 1) + 65'536 + q)] = 18.0f;
  SegmentationHead head(pool);
  expect_argmax(head, std::span(&c.view, 1), 16, 16, plain(kClasses));
  const LabelMap labels = head.run(std::span(&c.view, 1), 16, 16, plain(kClasses)).labels;
  EXPECT_GE(std::ranges::count_if(labels.labels, [](Label label) { return label >= 65'536; }), 64);
}

/// Class logits that make bounds as useless as they can be: `kind` says how.
enum class Rivals { kEqual, kTwins, kNearlyTwins, kFamily, kOneQueryDecides };

Case rival_case(Rivals kind, int queries, int rows, int grid_h, int grid_w) {
  Case c = random_case(31, queries, rows, grid_h, grid_w, 2.0f, 8.0f);
  std::mt19937 random(5);
  for (int q = 0; q < queries; ++q) {
    float* logits = &c.class_logits[static_cast<std::size_t>(q * (rows + 1))];
    const float phase = static_cast<float>(random() % 1000) / 1000.0f;
    for (int k = 0; k < rows; ++k) {
      if (kind == Rivals::kEqual) logits[k] = 0.5f;
      if (kind == Rivals::kTwins) logits[k] = logits[k % 7];
      // Apart by less than a rounding of most sums.
      if (kind == Rivals::kNearlyTwins) logits[k] = std::nextafter(logits[k % 7], k % 2 ? 9.0f : -9.0f);
      // Each class resembles the one before it, as far as the last, which resembles the first.
      if (kind == Rivals::kFamily)
        logits[k] = 3.0f * std::sin(6.2831853f * (static_cast<float>(k) / static_cast<float>(rows) + phase));
      if (kind == Rivals::kOneQueryDecides)
        logits[k] = q + 1 == queries ? 1e-4f * static_cast<float>(k % 50) : 1.0f;
    }
  }
  c.view.class_logits = c.class_logits;
  return c;
}

class RivalHead : public testing::TestWithParam<std::tuple<Rivals, int, int>> {};

TEST_P(RivalHead, LabelsAreTheArgmaxOfTheScores) {
  const auto [kind, queries, classes] = GetParam();
  ThreadPool pool(2);
  SegmentationHead head(pool);
  const Case c = rival_case(kind, queries, classes, 3, 4);
  expect_argmax(head, std::span(&c.view, 1), 37, 51, plain(classes));
  HeadOptions other = plain(classes);
  other.background = Background::kOther;
  expect_argmax(head, std::span(&c.view, 1), 26, 35, other);
}

// One leaf and a part of one; several; more than are looked at one by one. Queries of one chunk and of two.
INSTANTIATE_TEST_SUITE_P(Shapes, RivalHead,
                         testing::Combine(testing::Values(Rivals::kEqual, Rivals::kTwins,
                                                          Rivals::kNearlyTwins, Rivals::kFamily,
                                                          Rivals::kOneQueryDecides),
                                          testing::Values(3, 150), testing::Values(5, 90, 1500)));

TEST(SegmentationHead, BoundsHoldHoweverTheMasksLieOnTheOutput) {
  ThreadPool pool(2);
  SegmentationHead head(pool);
  struct Geometry {
    int grid_h, grid_w, cell, content_height, content_width, height, width;
  };
  // Enlarged a little and much, shrunk a little and below the grid, with padding, thin, one cell.
  for (const Geometry& g : {Geometry{5, 6, 16, 80, 96, 80, 96},
                            {5, 6, 16, 70, 91, 133, 211},
                            {5, 6, 16, 80, 96, 61, 73},
                            {20, 24, 8, 160, 192, 19, 23},
                            {20, 24, 8, 151, 170, 7, 300},
                            {4, 4, 8, 32, 32, 1, 129},
                            {1, 1, 16, 16, 9, 33, 40},
                            {40, 3, 2, 80, 6, 95, 12}})
    for (const bool mirrored : {false, true})
      for (const float steepness : {1.0f, 40.0f}) {
        Case c = random_case(17, 21, 120, g.grid_h, g.grid_w, 2.0f, steepness);
        c.view.padded_height = g.grid_h * g.cell, c.view.padded_width = g.grid_w * g.cell;
        c.view.content_height = g.content_height, c.view.content_width = g.content_width;
        c.view.mirrored = mirrored;
        expect_argmax(head, std::span(&c.view, 1), g.height, g.width, plain(120));
      }
}

TEST(SegmentationHead, LogitsOfAnySizeKeepTheBounds) {
  ThreadPool pool(1);
  SegmentationHead head(pool);
  for (const float scale : {1e-30f, 1e3f, 1e20f, 3e37f}) {
    Case c = random_case(23, 9, 40, 3, 3, 3.0f, 1.0f);
    for (float& logit : c.mask_logits) logit *= scale;
    c.view.mask_logits = c.mask_logits;
    expect_argmax(head, std::span(&c.view, 1), 40, 41, plain(40));
  }
}

TEST(SegmentationHead, ManyWindowsEqualDenseToo) {
  ThreadPool pool(2);
  SegmentationHead head(pool);
  std::vector<Case> cases;
  std::vector<HeadView> views;
  for (unsigned i = 0; i < 5; ++i) cases.push_back(random_case(40 + i, 50, 200, 3, 3, 3.0f, 9.0f));
  for (const Case& c : cases) views.push_back(c.view);
  views[1].region = {0, 0, 30, 41};
  views[2].region = {13, 20, 40, 50};
  views[3].region = {52, 69, 1, 1};
  views[4].mirrored = true;
  expect_argmax(head, views, 53, 70, plain(200));
}

TEST(SegmentationHead, ScoresFollowTheDefinition) {
  ThreadPool pool(2);
  SegmentationHead head(pool);
  struct Size {
    int height, width, content_height, content_width;
  };
  // Enlarged, shrunk below the grid, odd, one pixel, one row; with and without padding.
  for (const Size& size :
       {Size{64, 96, 64, 96}, {31, 77, 50, 83}, {3, 2, 64, 90}, {1, 1, 40, 96}, {1, 200, 64, 65}}) {
    Case c = random_case(11, 19, 5, 4, 6, 2.0f, 4.0f);
    c.view.content_height = size.content_height;
    c.view.content_width = size.content_width;
    const std::vector<Plane> expected = reference_scores(c.view, size.height, size.width);
    const std::vector<float> scores =
        head.class_scores(std::span(&c.view, 1), size.height, size.width, plain(5), up_to(6));
    // Float32 rounding of the logits (up to 20, some 1e-5 of position error) reaches the sigmoid's slope of
    // 1/4.
    for (std::size_t i = 0; i < scores.size(); ++i)
      ASSERT_NEAR(scores[i], expected[i / expected[0].size()][i % expected[0].size()], 2e-5)
          << size.height << "x" << size.width << " at " << i;
  }
}

TEST(SegmentationHead, SigmoidIsExactToFloatRounding) {
  // One query, one class with P = 1/2, a grid of one cell: score = σ(logit) / 2 everywhere.
  ThreadPool pool(1);
  SegmentationHead head(pool);
  const std::vector<float> classes{0.0f, 0.0f};
  for (float logit = -86.9f; logit < 90.0f; logit += 0.37f) {
    const std::vector<float> mask{logit};
    const HeadView view{classes, mask, 1, 1, 1, 16, 16, 16, 16};
    const float score = head.class_scores(std::span(&view, 1), 1, 1, plain(1), up_to(1))[0];
    const double expected = 0.5 / (1.0 + std::exp(-static_cast<double>(logit)));
    // An exponential good to 1.5 ulp, an addition and a division.
    EXPECT_NEAR(score / expected, 1.0, 4 * 6e-8) << logit;
  }
}

TEST(SegmentationHead, FirstClassWinsTies) {
  ThreadPool pool(1);
  const std::vector<float> classes{1.0f, 3.0f, 3.0f, 0.0f, /**/ 1.0f, 3.0f, 3.0f, 0.0f};
  const std::vector<float> masks{2.0f, -1.0f, 0.5f, 0.0f, /**/ -3.0f, 4.0f, 1.0f, 2.0f};
  const HeadView view{classes, masks, 2, 2, 2, 32, 32, 32, 32};
  const SegmentationResult result = SegmentationHead(pool).run(std::span(&view, 1), 20, 20, plain(3));
  EXPECT_EQ(result.areas, (std::vector<std::int64_t>{0, 400, 0, 0}));
}

TEST(SegmentationHead, ZeroScoresGiveTheFirstClass) {
  ThreadPool pool(1);
  const std::vector<float> classes{0.0f, 1.0f, 2.0f, 0.0f}, masks{-500.0f};
  const HeadView view{classes, masks, 1, 1, 1, 16, 16, 16, 16};
  EXPECT_EQ(SegmentationHead(pool).run(std::span(&view, 1), 9, 9, plain(3)).areas[0], 81);
}

TEST(SegmentationHead, SynonymsShareTheLargestLogit) {
  ThreadPool pool(1);
  const Case c = random_case(5, 8, 5, 3, 3, 2.0f, 4.0f);
  const std::vector<int> row_class{0, 1, 0, 2, 1};
  std::vector<float> merged;
  for (std::size_t q = 0; q < 8; ++q) {
    const float* row = &c.class_logits[q * 6];
    merged.insert(merged.end(), {std::max(row[0], row[2]), std::max(row[1], row[4]), row[3], row[5]});
  }
  HeadView view = c.view;
  view.class_logits = merged;
  HeadOptions options = plain(3);
  SegmentationHead head(pool);
  const auto expected = head.class_scores(std::span(&view, 1), 20, 20, options, up_to(4));
  options.row_class = row_class;
  EXPECT_EQ(head.class_scores(std::span(&c.view, 1), 20, 20, options, up_to(4)), expected);
}

TEST(SegmentationHead, BackgroundAndCoverageMakeOther) {
  ThreadPool pool(1);
  SegmentationHead head(pool);
  // Query 0 knows class 0 and lights the left, query 1 is background and lights the right.
  const std::vector<float> classes{4.0f, 0.0f, 0.0f, /**/ 0.0f, 1.0f, 4.0f},
      masks{6.0f, -6.0f, /**/ -6.0f, 6.0f};
  const HeadView view{classes, masks, 2, 1, 2, 16, 32, 16, 32};
  HeadOptions options = plain(2);
  const auto none = head.run(std::span(&view, 1), 16, 32, options);
  EXPECT_EQ(none.labels.row(8)[0], 0);
  EXPECT_EQ(none.labels.row(8)[31], 1);
  EXPECT_EQ(none.areas[2], 0);
  options.background = Background::kOther;
  const auto other = head.run(std::span(&view, 1), 16, 32, options);
  EXPECT_EQ(other.labels.row(8)[0], 0);
  EXPECT_EQ(other.labels.row(8)[31], 2);
  options.min_coverage = 0.999f;  // above σ(6) = 0.9975
  EXPECT_EQ(head.run(std::span(&view, 1), 16, 32, options).areas[2], 16 * 32);
}

TEST(SegmentationHead, AMirroredViewGivesTheMirroredLabels) {
  ThreadPool pool(2);
  SegmentationHead head(pool);
  Case c = random_case(9, 12, 6, 3, 5, 2.0f, 5.0f);
  const SegmentationResult straight = head.run(std::span(&c.view, 1), 40, 70, plain(6));
  c.view.mirrored = true;
  SegmentationResult mirrored = head.run(std::span(&c.view, 1), 40, 70, plain(6));
  for (int y = 0; y < 40; ++y) std::reverse(mirrored.labels.row(y), mirrored.labels.row(y) + 70);
  EXPECT_EQ(straight.labels, mirrored.labels);
}

TEST(SegmentationHead, ViewsAverageWhereTheyCover) {
  ThreadPool pool(2);
  SegmentationHead head(pool);
  const Case a = random_case(1, 7, 4, 3, 4, 2.0f, 5.0f), b = random_case(2, 20, 4, 2, 2, 2.0f, 5.0f);
  std::vector<HeadView> views{a.view, b.view};
  views[1].region = {10, 13, 21, 30};
  const auto whole = head.class_scores(std::span(&a.view, 1), 45, 60, plain(4), up_to(4));
  const auto part = head.class_scores(std::span(&b.view, 1), 21, 30, plain(4), up_to(4));
  const auto both = head.class_scores(views, 45, 60, plain(4), up_to(4));
  for (int k = 0; k < 4; ++k)
    for (int y = 0; y < 45; ++y)
      for (int x = 0; x < 60; ++x) {
        float expected = whole[static_cast<std::size_t>((k * 45 + y) * 60 + x)];
        const bool covered = y >= 10 && y < 31 && x >= 13 && x < 43;
        if (covered)
          expected = (expected + part[static_cast<std::size_t>((k * 21 + y - 10) * 30 + x - 13)]) / 2;
        // The same products, added in one run instead of two: a few roundings of values below 4.
        ASSERT_NEAR(both[static_cast<std::size_t>((k * 45 + y) * 60 + x)], expected, 2e-6);
      }
  expect_argmax(head, views, 45, 60, plain(4));
  EXPECT_THROW(head.run(std::span(views).subspan(1), 45, 60, plain(4)), Error);
}

TEST(SegmentationHead, RefusesWhatDoesNotFit) {
  ThreadPool pool(1);
  SegmentationHead head(pool);
  const Case c = random_case(1, 4, 3, 2, 2, 1.0f, 1.0f);
  const auto run = [&](HeadView view, HeadOptions options) {
    return head.run(std::span(&view, 1), 8, 8, options);
  };
  EXPECT_NO_THROW(run(c.view, plain(3)));
  EXPECT_THROW(run(c.view, plain(4)), Error);
  EXPECT_THROW(run(c.view, plain(0)), Error);
  HeadView view = c.view;
  view.content_width = view.padded_width + 1;
  EXPECT_THROW(run(view, plain(3)), Error);
  view = c.view;
  view.region = {0, 4, 8, 5};
  EXPECT_THROW(run(view, plain(3)), Error);
  view = c.view;
  view.mask_logits = view.mask_logits.first(15);
  EXPECT_THROW(run(view, plain(3)), Error);
  const std::vector<int> nameless{0, 0, 2}, outside{0, 1, 3};
  HeadOptions options = plain(3);
  options.row_class = nameless;
  EXPECT_THROW(run(c.view, options), Error);
  options.row_class = outside;
  EXPECT_THROW(run(c.view, options), Error);
  std::vector<float> broken = c.mask_logits;
  broken[5] = std::nanf("");
  view = c.view;
  view.mask_logits = broken;
  EXPECT_THROW(run(view, plain(3)), Error);
}

TEST(SegmentationHead, EqualsTheOfficialCode) {
  ThreadPool pool(2);
  SegmentationHead head(pool);
  for (const std::string name : {"tiny", "vitb16", "vitl14_336"}) {
    const auto path = test::golden(name + ".safetensors");
    SAN_REQUIRE_GOLDEN(path);
    const auto file = SafetensorsFile::open(path);
    const auto class_logits = file->load("mask_logits").to_f32(),
               mask_logits = file->load("mask_preds").to_f32();
    const Shape grid = file->shape("mask_preds"), resized = file->shape("image_resized");
    const int classes = static_cast<int>(file->shape("mask_logits")[1]) - 1;
    const auto padded = [](std::int64_t n) { return static_cast<int>((n + 31) / 32 * 32); };
    const HeadView view{class_logits,
                        mask_logits,
                        static_cast<int>(grid[1]),
                        static_cast<int>(grid[2]),
                        static_cast<int>(grid[3]),
                        padded(resized[0]),
                        padded(resized[1]),
                        static_cast<int>(resized[0]),
                        static_cast<int>(resized[1])};
    const Shape output = file->shape("label_map"), stored = file->shape("sem_seg");
    const int height = static_cast<int>(output[0]), width = static_cast<int>(output[1]);
    const int step = height / static_cast<int>(stored[1]);
    // The score error the official float32 run itself shows against float64, times ten.
    const std::string& noise = file->metadata("noise:sem_seg");  // "max|f32-f64|=3.09e-05 rms…"
    const double tolerance = 10 * std::stod(noise.substr(noise.find('=') + 1));

    const auto scores = head.class_scores(std::span(&view, 1), height, width, plain(classes), up_to(classes));
    const auto expected = file->load("sem_seg").to_f32();
    std::size_t i = 0;
    for (int k = 0; k < classes; ++k)
      for (int y = 0; y < height; y += step)
        for (int x = 0; x < width; x += step)
          ASSERT_NEAR(scores[static_cast<std::size_t>((k * height + y) * width + x)], expected[i++],
                      tolerance)
              << name;
    EXPECT_EQ(i, expected.size());

    const auto labels = file->load("label_map").to_i64();
    const auto margins = file->load("label_margin").to_f32();
    const SegmentationResult result = head.run(std::span(&view, 1), height, width, plain(classes));
    std::size_t differing = 0, doubtful = 0;
    for (std::size_t p = 0; p < labels.size(); ++p) {
      if (result.labels.labels[p] == labels[p]) continue;
      (margins[p] < 2 * tolerance ? doubtful : differing) += 1;
    }
    EXPECT_EQ(differing, 0u) << name;
    EXPECT_LE(doubtful, labels.size() / 10000) << name;
  }
}

}  // namespace
}  // namespace san
