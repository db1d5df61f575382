#include "metrics/reliability.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "base/random.h"

namespace san {
namespace {

using Labels = std::vector<Label>;

// Scores are kept in 1 / 65536: a mean of them is off by at most half of that.
constexpr double kRounding = 0.5 / Reliability::kScoreUnits;

TEST(Reliability, HandComputed) {
  // Score 0.92, one of two right: 0.42 apart. Score 0.32, right: 0.68 apart. Ignored truth and "other" (label
  // 2 of 2 classes) do not count.
  Reliability r;
  r.add(std::vector<float>{0.92f, 0.92f, 0.32f, 0.92f, 0.92f}, Labels{0, 1, 1, 0, 2}, Labels{0, 0, 1, 255, 0},
        2, 255);
  EXPECT_EQ(r.total().pixels, 3u);
  EXPECT_EQ(r.total().right, 2u);
  EXPECT_EQ(r.bins[18].pixels, 2u);
  EXPECT_EQ(r.bins[6].pixels, 1u);
  EXPECT_NEAR(*r.expected_error(), (2 * 0.42 + 0.68) / 3, 1e-6 + kRounding);
}

TEST(Reliability, ScoresThatAreProbabilitiesHaveNoError) {
  // A thousand pixels at each score, right as often as it says.
  Reliability r;
  for (const int tenths : {1, 3, 5, 8, 10}) {
    Labels predicted(1000, 0), truth(1000, 1);
    for (std::size_t i = 0; i < static_cast<std::size_t>(tenths) * 100; ++i) truth[i] = 0;
    r.add(std::vector<float>(1000, static_cast<float>(tenths) / 10), predicted, truth, 2, 255);
  }
  EXPECT_NEAR(*r.expected_error(), 0, 1e-6 + kRounding);
}

TEST(Reliability, OverconfidenceIsWhatItIs) {
  // Drawn by lot: right with the square of the score, scores even over [0, 1]. ∫ |s² − s| ds = 1/6. Of n =
  // 200,000 the standard error is 0.5 / √n = 0.0011, and bins of 0.05 change the integral by less than 0.05²
  // / 6.
  constexpr std::size_t n = 200'000;
  Rng rng(11, 1, 1);
  std::vector<float> scores(n);
  Labels predicted(n, 0), truth(n);
  for (std::size_t i = 0; i < n; ++i) {
    scores[i] = rng.uniform();
    truth[i] = rng.chance(scores[i] * scores[i]) ? 0 : 1;
  }
  Reliability r;
  r.add(scores, predicted, truth, 2, 255);
  EXPECT_NEAR(*r.expected_error(), 1.0 / 6, 4 * 0.0011 + 0.05 * 0.05 / 6);
}

/// Counts as they would be of scores in the middle of each bin, of which 0.9 · s² are right.
Reliability overconfident() {
  Reliability r;
  for (std::size_t b = 0; b < r.bins.size(); ++b) {
    const double score = (static_cast<double>(b) + 0.5) / Reliability::kBins;
    Reliability::Bin& bin = r.bins[b];
    bin.pixels = 1'000'000 * (b + 1);
    bin.right =
        static_cast<std::uint64_t>(std::llround(0.9 * score * score * static_cast<double>(bin.pixels)));
    bin.score = static_cast<std::uint64_t>(
        std::llround(score * Reliability::kScoreUnits * static_cast<double>(bin.pixels)));
  }
  return r;
}

TEST(ScoreCurves, FindsTheCurveThatScoresFollow) {
  const Reliability r = overconfident();
  const ScoreCurve curve = fit_curve(r);
  // Four digits are kept; a right label more or less in a million changes none of them.
  EXPECT_NEAR(curve.a, 0.9, 1e-4);
  EXPECT_NEAR(curve.b, 2, 2e-4);
  EXPECT_GT(*r.expected_error(), 0.05);
  EXPECT_LT(*r.expected_error(curve), 2e-4);
  EXPECT_DOUBLE_EQ(*r.expected_error(ScoreCurve{}), *r.expected_error());
}

TEST(ScoreCurves, NeverPromisesMoreThanOne) {
  Reliability r;
  r.bins[10] = {100, 100, static_cast<std::uint64_t>(100 * 0.52 * Reliability::kScoreUnits)};
  r.bins[19] = {100, 100, static_cast<std::uint64_t>(100 * 0.97 * Reliability::kScoreUnits)};
  const ScoreCurve curve = fit_curve(r);
  EXPECT_TRUE(curve.valid());
  EXPECT_LE(curve.probability(1), 1);
  EXPECT_GT(curve.probability(0.52), 0.95) << "labels that are always right";
}

TEST(ScoreCurves, NeedsScoresThatDiffer) {
  EXPECT_THROW(fit_curve(Reliability{}), Error);
  Reliability one;
  one.bins[19] = {100, 90, static_cast<std::uint64_t>(100 * Reliability::kScoreUnits)};
  EXPECT_THROW(fit_curve(one), Error);
  Reliability wrong = overconfident();
  for (Reliability::Bin& bin : wrong.bins) bin.right = 0;
  EXPECT_THROW(fit_curve(wrong), Error);
}

TEST(ScoreCurves, GoThereAndBack) {
  const ScoreCurve curve{0.95, 1.55};
  for (const double score : {0.0, 0.1, 0.5, 0.98, 1.0})
    EXPECT_NEAR(curve.score_of(curve.probability(score)), score, 1e-12);
  EXPECT_EQ(curve.probability(1.3), curve.probability(1)) << "scores can pass 1 where masks overlap";
  EXPECT_GT(curve.score_of(0.96), 1) << "no label is that sure";
  EXPECT_FALSE(ScoreCurve{}.known());
}

TEST(Reliability, ScoresAboveOneCountAsOneAndTheLastBinHoldsThem) {
  Reliability r;
  r.add(std::vector<float>{1.0f, 1.7f}, Labels{0, 0}, Labels{0, 1}, 2, 255);
  EXPECT_EQ(r.bins[19].pixels, 2u);
  EXPECT_DOUBLE_EQ(r.bins[19].mean_score(), 1);
  EXPECT_DOUBLE_EQ(*r.expected_error(), 0.5);
}

TEST(Reliability, MergesIntoWhatOneWouldHaveCounted) {
  Rng rng(3, 3, 3);
  std::vector<float> scores(100);
  Labels predicted(100), truth(100);
  for (std::size_t i = 0; i < 100; ++i)
    scores[i] = rng.uniform(), predicted[i] = static_cast<Label>(rng.below(3)),
    truth[i] = static_cast<Label>(rng.below(3));
  Reliability whole, a, b;
  whole.add(scores, predicted, truth, 3, 255);
  a.add(std::span(scores).first(37), std::span(predicted).first(37), std::span(truth).first(37), 3, 255);
  b.add(std::span(scores).subspan(37), std::span(predicted).subspan(37), std::span(truth).subspan(37), 3,
        255);
  b.merge(a);
  EXPECT_EQ(b, whole);
}

TEST(Reliability, NothingHasNoErrorAndNonsenseIsRefused) {
  Reliability r;
  EXPECT_FALSE(r.expected_error().has_value());
  EXPECT_THROW(r.add(std::vector<float>{0.5f}, Labels{0, 1}, Labels{0, 1}, 2, 255), Error);
  EXPECT_THROW(r.add(std::vector<float>{std::nanf("")}, Labels{0}, Labels{0}, 2, 255), Error);
  EXPECT_THROW(r.add(std::vector<float>{-0.1f}, Labels{0}, Labels{0}, 2, 255), Error);
}

}  // namespace
}  // namespace san
