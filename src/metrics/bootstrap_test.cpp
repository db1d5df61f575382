#include "metrics/bootstrap.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "base/random.h"
#include "metrics/metrics.h"

namespace san {
namespace {

using Labels = std::vector<Label>;
constexpr int kWidth = 40, kHeight = 30, kClasses = 6;

Labels random_map(Rng& rng, int classes) {
  Labels out(kWidth * kHeight);
  for (int y = 0; y < kHeight; y += 10)
    for (int x = 0; x < kWidth; x += 10) {
      const auto label = static_cast<Label>(rng.below(classes));
      for (int i = 0; i < 100; ++i) out[static_cast<std::size_t>((y + i / 10) * kWidth + x + i % 10)] = label;
    }
  return out;
}

TEST(Bootstrap, CountsWhatTheConfusionMatrixCounts) {
  Rng rng(1, 2, 3);
  ConfusionMatrix confusion(kClasses);
  BoundaryCounts boundary(kClasses);
  std::vector<PictureCounts> pictures;
  for (int i = 0; i < 5; ++i) {
    const Labels predicted = random_map(rng, kClasses + 1);  // of which the last is "other"
    Labels truth = random_map(rng, kClasses);
    std::fill_n(truth.begin(), 90, Label{255});
    confusion.add(predicted, truth, 255);
    boundary.add(predicted, truth, kWidth, kHeight, 255);
    pictures.push_back(count_picture(predicted, truth, kWidth, kHeight, kClasses, 255));
  }
  const Metrics metrics = compute_metrics(confusion, boundary);
  const MeanIou mean = mean_iou(pictures, kClasses);
  EXPECT_DOUBLE_EQ(mean.all, metrics.miou);
  EXPECT_DOUBLE_EQ(mean.boundary, metrics.boundary_miou);
  const std::vector<int> some{1, 4}, rest{0, 2, 3, 5};
  EXPECT_DOUBLE_EQ(mean_iou(pictures, kClasses, some).all, split_metrics(metrics, some, rest).seen_miou);
}

/// One class that is everywhere: of 1000 pixels so many are hit.
PictureCounts hits(std::uint64_t pixels) {
  return {{0, 1000, 1000, pixels, 1000, 1000, pixels}};
}

TEST(Bootstrap, SpreadIsThatOfTheMean) {
  // IoU of a picture is h / (2000 − h), of all together that of the mean h. h is even over 0 … 1000: the mean
  // of n = 400 has a standard error of 1000 / √(12·400) = 14.4, so 95 % lie within ± 28.3 of 500, which is
  // IoU ± 0.0252 around 1/3 (the slope is 2000 / 1500²).
  Rng rng(4, 4, 4);
  std::vector<PictureCounts> pictures;
  for (int i = 0; i < 400; ++i) pictures.push_back(hits(static_cast<std::uint64_t>(rng.below(1001))));
  const std::vector<std::vector<PictureCounts>> one{pictures};
  const Spread s = bootstrap(one, 1, 2000, 7).front();
  EXPECT_NEAR(s.miou.value, 1.0 / 3, 3 * 0.0129);  // three standard errors
  // Of the width of an interval by 2000 draws the standard error is some 3 %; of the spread of 400 uniforms 3
  // %.
  EXPECT_NEAR(s.miou.high - s.miou.low, 2 * 0.0252, 0.2 * 2 * 0.0252);
  EXPECT_LT(s.miou.low, s.miou.value);
  EXPECT_GT(s.miou.high, s.miou.value);
  EXPECT_EQ(s.miou.low, s.boundary.low);
  EXPECT_EQ(s.miou_gain.low, 0);
  EXPECT_EQ(s.miou_gain.high, 0);
}

TEST(Bootstrap, ADrawThatLacksDifficultClassesDoesNotLiftTheInterval) {
  // Class 0 is everywhere and always hit; of twenty pictures each has a class of its own that is never hit.
  // The mean over 21 classes is 1/21, over the 64 % of them that a draw has 1/14.
  std::vector<PictureCounts> pictures;
  for (int i = 0; i < 20; ++i)
    pictures.push_back({{0, 100, 100, 100, 10, 10, 10}, {i + 1, 100, 100, 0, 10, 10, 0}});
  const std::vector<std::vector<PictureCounts>> one{pictures};
  const Interval i = bootstrap(one, 21, 500, 7).front().miou;
  EXPECT_DOUBLE_EQ(i.value, 1.0 / 21);
  EXPECT_LT(i.low, i.value);
  EXPECT_GT(i.high, i.value);
}

TEST(Bootstrap, AGainOnEveryPictureIsSureThoughPicturesDiffer) {
  Rng rng(5, 5, 5);
  std::vector<PictureCounts> before, after;
  for (int i = 0; i < 50; ++i) {
    const int h = rng.below(900);
    before.push_back(hits(static_cast<std::uint64_t>(h)));
    after.push_back(hits(static_cast<std::uint64_t>(h + 20)));
  }
  const std::vector<std::vector<PictureCounts>> both{before, after};
  const std::vector<Spread> s = bootstrap(both, 1, 500, 7);
  EXPECT_GT(s[1].miou_gain.low, 0);
  EXPECT_GT(s[0].miou.high, s[1].miou.low) << "alone, the spreads of the two overlap";
  EXPECT_DOUBLE_EQ(s[1].miou_gain.value, s[1].miou.value - s[0].miou.value);
}

TEST(Bootstrap, RefusesWhatCannotBeCompared) {
  const std::vector<std::vector<PictureCounts>> none{}, uneven{{hits(1), hits(2)}, {hits(1)}};
  EXPECT_THROW(bootstrap(none, 1, 10, 1), Error);
  EXPECT_THROW(bootstrap(uneven, 1, 10, 1), Error);
  EXPECT_THROW(count_picture(Labels{0}, Labels{9}, 1, 1, 2, 255), Error);
}

}  // namespace
}  // namespace san
