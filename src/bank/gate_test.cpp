#include "bank/gate.h"

#include <gtest/gtest.h>

#include <numeric>

#include "bank/cholesky.h"
#include "base/random.h"

namespace san {
namespace {

TEST(Gate, FallsEvenlyBetweenItsDistances) {
  const PictureGate gate{10, 20};
  EXPECT_EQ(gate.at(0), 1);
  EXPECT_EQ(gate.at(10), 1);
  EXPECT_DOUBLE_EQ(gate.at(12.5), 0.75);
  EXPECT_EQ(gate.at(20), 0);
  EXPECT_EQ(gate.at(1e9), 0);
}

constexpr std::size_t kDim = 8, kQueries = 20;

/// Queries drawn around `shift` with variance 1 in every direction.
std::vector<float> picture(Rng& rng, float shift) {
  std::vector<float> out(kQueries * kDim);
  for (float& v : out) v = shift + rng.normal();
  return out;
}

/// Pictures of which all queries are regions.
struct Bank {
  RegionSums sums{kDim};
  GateCalibration gate;

  void add(const std::vector<float>& embeddings) {
    std::vector<int> all(kQueries);
    std::iota(all.begin(), all.end(), 0);
    for (std::size_t q = 0; q < kQueries; ++q) sums.add(std::span(embeddings).subspan(q * kDim, kDim));
    gate.add(embeddings, all);
  }
  double distance(const std::vector<float>& embeddings) const {
    const std::vector<double> mean = sums.mean();
    const Cholesky factor = ridged_factor(sums.covariance(), kDim);
    double sum = 0;
    for (std::size_t q = 0; q < kQueries; ++q) {
      std::vector<double> z(kDim);
      for (std::size_t d = 0; d < kDim; ++d) z[d] = static_cast<double>(embeddings[q * kDim + d]) - mean[d];
      factor.forward(z);
      sum += std::inner_product(z.begin(), z.end(), z.begin(), 0.0);
    }
    return sum / kQueries;
  }
};

TEST(Regions, OfWhichThereAreFewVaryInEveryDirection) {
  constexpr std::size_t kSmall = 4;
  const auto variances = [](int count) {
    RegionSums sums(kSmall);
    for (int i = 0; i < count; ++i) sums.add(std::vector<float>{i % 2 == 0 ? 1.0f : -1.0f, 0, 0, 0});
    const std::vector<double> covariance = sums.covariance();
    return std::pair(covariance[0], covariance[kSmall + 1]);
  };
  // 16 regions of weight 1, and a variance of 1/4 in each direction of weight 4 · 4: as much of both.
  EXPECT_DOUBLE_EQ(variances(16).first, 0.5 + 0.5 / 4);
  EXPECT_DOUBLE_EQ(variances(16).second, 0.5 / 4);
  EXPECT_EQ(variances(32 * 4), std::pair(1.0, 0.0)) << "many are as they are";
}

TEST(Gate, IsOpenForPicturesOfTheBanksKindAndClosedForOthers) {
  Rng rng(1, 1, 1);
  Bank bank;
  for (int i = 0; i < 300; ++i) bank.add(picture(rng, 0));  // more than are kept
  const auto gate = bank.gate.finish(bank.sums);
  ASSERT_TRUE(gate.has_value());
  // The squared distance of one query has mean 8 and variance 16; of twenty the mean has a standard deviation
  // of 0.9.
  EXPECT_NEAR(gate->open, 8, 0.5);
  EXPECT_NEAR(gate->closed, 8 + 1.64 * 0.9, 0.7);
  double alike = 0;
  for (int i = 0; i < 200; ++i) alike += gate->at(bank.distance(picture(rng, 0))) / 200;
  // Half of them count in full, of the others most do in part: 0.5 + 0.5 · (1 − E|x| / 1.64), x normal.
  EXPECT_NEAR(alike, 0.75, 0.1);
  EXPECT_EQ(gate->at(bank.distance(picture(rng, 1))), 0);  // 8 + 8
}

TEST(Gate, MeasuresAPictureByTheOthersAlone) {
  // Ten pictures of twenty queries in eight dimensions: by a covariance that holds a picture itself, it is
  // nearer than a new one is.
  Rng rng(2, 2, 2);
  double left_out = 0, unseen = 0, itself = 0;
  for (int run = 0; run < 50; ++run) {
    Bank bank;
    std::vector<std::vector<float>> pictures;
    for (int i = 0; i < 10; ++i) pictures.push_back(picture(rng, 0)), bank.add(pictures.back());
    left_out += static_cast<double>(bank.gate.finish(bank.sums)->open) / 50;
    for (const auto& one : pictures) itself += bank.distance(one) / 500;
    unseen += bank.distance(picture(rng, 0)) / 50;
  }
  EXPECT_LT(itself, unseen - 0.3);
  EXPECT_NEAR(left_out, unseen, 0.3);  // standard error of `unseen`: 0.9 / √50 = 0.13
}

TEST(Gate, IsNotFoundByAHandfulOfPicturesNorNarrowerThanItsOwnNoise) {
  Rng rng(3, 3, 3);
  Bank few, same;
  for (std::size_t i = 0; i + 1 < GateCalibration::kLeastPictures; ++i) few.add(picture(rng, 0));
  EXPECT_FALSE(few.gate.finish(few.sums).has_value());
  const std::vector<float> one = picture(rng, 0);
  for (int i = 0; i < 20; ++i) same.add(one);
  const auto gate = same.gate.finish(same.sums);
  ASSERT_TRUE(gate.has_value());
  EXPECT_GT(gate->closed, 1.04f * gate->open);
}

}  // namespace
}  // namespace san
