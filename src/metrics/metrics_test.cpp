#include "metrics/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "base/error.h"

namespace san {
namespace {

using Labels = std::vector<Label>;

Labels random_labels(std::mt19937& random, std::size_t count, int classes, int extra) {
  Labels out(count);
  for (auto& v : out) {
    const int value = static_cast<int>(random() % static_cast<unsigned>(classes + (extra >= 0)));
    v = static_cast<Label>(value == classes ? extra : value);
  }
  return out;
}

TEST(Confusion, HandComputed) {
  // truth:      0 0 1 1 2 255(ignored)
  // prediction: 0 1 1 1 0 2
  ConfusionMatrix m(4);
  m.add(Labels{0, 1, 1, 1, 0, 2}, Labels{0, 0, 1, 1, 2, 255}, 255);
  EXPECT_EQ(m.at(0, 0), 1u);
  EXPECT_EQ(m.at(1, 0), 1u);
  EXPECT_EQ(m.at(1, 1), 2u);
  EXPECT_EQ(m.at(0, 2), 1u);
  EXPECT_EQ(m.at(2, 4), 1u);
  const Metrics got = compute_metrics(m, BoundaryCounts(4));
  EXPECT_DOUBLE_EQ(*got.classes[0].iou, 1.0 / 3);
  EXPECT_DOUBLE_EQ(*got.classes[1].iou, 2.0 / 3);
  EXPECT_DOUBLE_EQ(*got.classes[2].iou, 0);
  EXPECT_FALSE(got.classes[3].iou);
  EXPECT_DOUBLE_EQ(got.miou, 1.0 / 3);
  EXPECT_DOUBLE_EQ(got.miou_v06, 1.0 / 3);
  EXPECT_DOUBLE_EQ(got.fwiou, (2.0 / 3 + 4.0 / 3) / 5);
  EXPECT_DOUBLE_EQ(got.macc, 0.5);
  EXPECT_DOUBLE_EQ(got.pacc, 0.6);
  EXPECT_TRUE(std::isnan(got.boundary_miou));
}

TEST(Confusion, ConventionsDifferWhereAClassHasOnlyPredictions) {
  ConfusionMatrix m(3);
  m.add(Labels{0, 0, 2}, Labels{0, 0, 0}, 255);
  const Metrics got = compute_metrics(m, BoundaryCounts(3));
  EXPECT_DOUBLE_EQ(got.miou, 2.0 / 3);
  EXPECT_DOUBLE_EQ(got.miou_v06, 1.0 / 3);
}

TEST(Confusion, UnlabelledPredictionIsAMiss) {
  ConfusionMatrix m(2);
  m.add(Labels{0, 65535}, Labels{0, 0}, 255);
  EXPECT_EQ(m.at(2, 0), 1u);
  EXPECT_DOUBLE_EQ(compute_metrics(m, BoundaryCounts(2)).pacc, 0.5);
}

TEST(Confusion, RefusesForeignLabelsAndSizes) {
  ConfusionMatrix m(2);
  EXPECT_THROW(m.add(Labels{0}, Labels{2}, 255), Error);
  EXPECT_THROW(m.add(Labels{0}, Labels{0, 0}, 255), Error);
  EXPECT_THROW(m.merge(ConfusionMatrix(3)), Error);
  EXPECT_THROW(ConfusionMatrix(0), Error);
  EXPECT_EQ(m, ConfusionMatrix(2));
}

// The metric written down once more, per class straight from the definition of intersection over union.
TEST(Metrics, AgreesWithDirectComputationOnRandomMaps) {
  std::mt19937 random(5);
  for (const int n : {1, 2, 7, 150}) {
    const Labels truth = random_labels(random, 4000, n, 999), guess = random_labels(random, 4000, n + 3, -1);
    Labels prediction = truth;
    for (std::size_t i = 0; i < prediction.size(); ++i)
      if (random() % 2 || truth[i] == 999) prediction[i] = std::min(guess[i], static_cast<Label>(n - 1));
    ConfusionMatrix m(n);
    m.add(prediction, truth, 999);
    const Metrics got = compute_metrics(m, BoundaryCounts(n));
    double sum = 0, acc = 0, weighted = 0, right = 0, known = 0;
    int present = 0;
    for (const auto t : truth) known += t != 999;
    for (int c = 0; c < n; ++c) {
      const auto label = static_cast<Label>(c);
      double both = 0, either = 0, gt = 0;
      for (std::size_t i = 0; i < truth.size(); ++i) {
        if (truth[i] == 999) continue;
        both += truth[i] == label && prediction[i] == label;
        either += truth[i] == label || prediction[i] == label;
        gt += truth[i] == label;
      }
      right += both;
      if (gt == 0) continue;
      ++present;
      sum += both / either, acc += both / gt, weighted += both / either * gt / known;
    }
    // Sums of at most 150 doubles in the same order: a few ulp.
    EXPECT_NEAR(got.miou, sum / present, 1e-14) << n;
    EXPECT_NEAR(got.macc, acc / present, 1e-14) << n;
    EXPECT_NEAR(got.fwiou, weighted, 1e-13) << n;
    EXPECT_NEAR(got.pacc, right / known, 1e-14) << n;
  }
}

TEST(Metrics, SeenAndUnseen) {
  ConfusionMatrix m(3);
  m.add(Labels{0, 0, 1, 2, 2, 2}, Labels{0, 0, 1, 1, 2, 2}, 255);
  const Metrics all = compute_metrics(m, BoundaryCounts(3));
  const std::vector<int> seen{0, 1}, unseen{2}, foreign{3};
  const SplitMetrics got = split_metrics(all, seen, unseen);
  EXPECT_DOUBLE_EQ(got.seen_miou, 0.75);
  EXPECT_DOUBLE_EQ(got.unseen_miou, 2.0 / 3);
  EXPECT_DOUBLE_EQ(got.harmonic, 2 * 0.75 * (2.0 / 3) / (0.75 + 2.0 / 3));
  EXPECT_THROW(split_metrics(all, seen, foreign), Error);
}

TEST(Boundary, DistanceFollowsTheDiagonal) {
  EXPECT_EQ(boundary_distance(10, 10), 1);
  EXPECT_EQ(boundary_distance(640, 480), 16);
}

// Definition: a pixel belongs to the band when its (2d+1)² window leaves the image or holds another label.
TEST(Boundary, BandMatchesItsDefinition) {
  std::mt19937 random(3);
  for (const auto& [w, h, d] : {std::tuple{17, 9, 1}, {23, 31, 2}, {40, 40, 4}, {3, 3, 1}, {5, 2, 3}}) {
    Labels labels(static_cast<std::size_t>(w * h), 0);
    for (int k = 0; k < 4; ++k) {
      const auto spot = random() % labels.size();
      for (std::size_t i = spot; i < std::min(labels.size(), spot + 5); ++i)
        labels[i] = static_cast<Label>(k);
    }
    const auto band = boundary_band(labels, w, h, d);
    for (int y = 0; y < h; ++y)
      for (int x = 0; x < w; ++x) {
        bool expected = false;
        for (int j = y - d; j <= y + d; ++j)
          for (int i = x - d; i <= x + d; ++i)
            expected |=
                j < 0 || i < 0 || j >= h || i >= w ||
                labels[static_cast<std::size_t>(j * w + i)] != labels[static_cast<std::size_t>(y * w + x)];
        ASSERT_EQ(band[static_cast<std::size_t>(y * w + x)] == 1, expected)
            << w << "x" << h << " " << x << "," << y;
      }
  }
}

TEST(Boundary, PerfectWhereKnownScoresOne) {
  const int w = 60, h = 50;
  Labels truth(w * h), prediction(w * h);
  for (int i = 0; i < w * h; ++i) {
    truth[static_cast<std::size_t>(i)] = static_cast<Label>(i % w < 20 ? 0 : i % w < 30 ? 255 : 1);
    prediction[static_cast<std::size_t>(i)] = static_cast<Label>(i % w < 25 ? 0 : 1);
  }
  BoundaryCounts counts(2);
  counts.add(prediction, truth, w, h, 255);
  EXPECT_GT(counts.truth[0], 0u);
  EXPECT_EQ(counts.both, counts.truth);
  EXPECT_EQ(counts.both, counts.predicted);
}

// A 40×40 image (d = 1), truth: right half class 1; prediction: split shifted by one column. Bands are one
// pixel thin.
TEST(Boundary, ShiftedEdgeHandComputed) {
  const int side = 40;
  Labels truth(side * side), prediction(side * side);
  for (int i = 0; i < side * side; ++i) {
    truth[static_cast<std::size_t>(i)] = i % side >= 20;
    prediction[static_cast<std::size_t>(i)] = i % side >= 21;
  }
  BoundaryCounts counts(2);
  counts.add(prediction, truth, side, side, 255);
  // Rings of a 20×40, a 21×40 and a 19×40 rectangle: 2·(w+h)-4 pixels.
  EXPECT_EQ(counts.truth[0], 116u);
  EXPECT_EQ(counts.predicted[0], 118u);
  EXPECT_EQ(counts.predicted[1], 114u);
  EXPECT_EQ(counts.both[0], 116u - 38u);  // all but the inner pixels of column 19
  EXPECT_EQ(counts.both[1], 114u - 38u);  // all but the inner pixels of column 21
  const Metrics got = compute_metrics(ConfusionMatrix(2), counts);
  EXPECT_FALSE(got.classes[0].boundary_iou) << "no true pixels in the matrix";
}

}  // namespace
}  // namespace san
