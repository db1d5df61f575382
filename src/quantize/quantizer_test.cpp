#include "quantize/quantizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>

#include "base/random.h"
#include "base/test_error.h"

namespace san {
namespace {

using test::error_of;
using testing::HasSubstr;

TEST(Quantizer, RoundsToTheNearestMultipleTiesToEvenAndCutsOff) {
  EXPECT_EQ(quantized(0.24f, 0.1f), 2);
  EXPECT_EQ(quantized(1.25f, 0.5f), 2);  // 2.5
  EXPECT_EQ(quantized(1.75f, 0.5f), 4);  // 3.5
  EXPECT_EQ(quantized(-1.25f, 0.5f), -2);
  EXPECT_EQ(quantized(1000, 0.5f), 127);
  EXPECT_EQ(quantized(-1000, 0.5f), -128);
}

TEST(Quantizer, AMatrixIsWithinHalfAStepOfItsColumnsScale) {
  constexpr std::int64_t kIn = 37, kOut = 5;
  Rng rng(1);
  std::vector<float> values(kIn * kOut);
  for (std::size_t i = 0; i < values.size(); ++i)  // columns of very different size, one of zeros
    values[i] = rng.normal() * (i % kOut == 3 ? 0 : std::pow(10.0f, static_cast<float>(i % kOut) - 2));
  const QuantizedMatrix q = quantize_matrix(values, kIn, kOut);
  ASSERT_EQ(q.scales.size(), std::size_t{kOut});
  std::vector<float> most(kOut);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float scale = q.scales[i % kOut];
    EXPECT_LE(std::abs(q.integers[i] * scale - values[i]), 0.5001f * scale);
    EXPECT_EQ(q.integers[i], std::nearbyint(q.integers[i]));
    most[i % kOut] = std::max(most[i % kOut], std::abs(q.integers[i]));
  }
  EXPECT_THAT(most, testing::ElementsAre(63, 63, 63, 0, 63));
  EXPECT_EQ(q.scales[3], 1);
}

// What AVX2 does with an unsigned and a signed byte: the sum of two products must fit into 16 bits.
TEST(Quantizer, WeightsDoNotSaturateWhereBytesAreAddedInPairs) {
  EXPECT_LE(2 * 255 * kInt8WeightMost, INT16_MAX);
  EXPECT_GT(2 * 255 * kInt8Most, INT16_MAX);
}

double squared_error(const std::vector<float>& values, float range) {
  const float scale = range / kInt8Most;
  double sum = 0;
  for (const float v : values) sum += std::pow(double{v} - quantized(v, scale) * scale, 2);
  return sum;
}

TEST(MagnitudeHistogram, FindsTheRangeWithTheSmallestSquaredError) {
  // Normal values, and a few that are far away: keeping those costs all others their precision.
  Rng rng(2);
  std::vector<float> values(200000);
  for (float& v : values) v = rng.normal();
  values[7] = 60, values[5000] = -80;
  MagnitudeHistogram seen;
  // In parts of growing size, so that bins are merged several times.
  std::sort(values.begin(), values.end(), [](float a, float b) { return std::abs(a) < std::abs(b); });
  for (std::size_t at = 0; at < values.size(); at += 1000)
    seen.add(std::span(values).subspan(at, std::min<std::size_t>(1000, values.size() - at)));
  EXPECT_EQ(seen.largest(), 80);
  double best = INFINITY;
  for (float range = 1; range <= 80; range *= 1.02f) best = std::min(best, squared_error(values, range));
  // The histogram's error is that of its bins: the found range costs at most 2 % more than the best.
  EXPECT_LE(squared_error(values, seen.best_range()), 1.02 * best);
  EXPECT_GT(squared_error(values, seen.largest()), 1.1 * best);
}

TEST(MagnitudeHistogram, OfFewDifferentValuesIsTheirLargest) {
  MagnitudeHistogram seen;
  seen.add(std::vector<float>(100, -3.0f));
  EXPECT_NEAR(seen.best_range(), 3, 0.03);
  MagnitudeHistogram nothing;
  nothing.add(std::vector<float>(100, 0.0f));
  EXPECT_EQ(nothing.best_range(), 1);
}

TEST(MagnitudeHistogram, ValuesThatAreNoNumbersAreNamed) {
  MagnitudeHistogram seen;
  EXPECT_THAT(error_of([&] { seen.add(std::vector<float>{1, NAN}); }), HasSubstr("quantized is nan"));
}

}  // namespace
}  // namespace san
