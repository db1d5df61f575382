#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "tensor/host_array.h"
#include "tensor/int8_rows.h"
#include "tensor/shape.h"

namespace san {
namespace {

TEST(Shape, ChecksItsExtents) {
  EXPECT_EQ(Shape({2, 3, 4}).elements(), 24);
  EXPECT_EQ(Shape({2, 3, 4})[-1], 4);
  EXPECT_EQ(Shape({2, 3}).str(), "[2, 3]");
  EXPECT_THROW(Shape({-1}), Error);
  EXPECT_THROW((Shape{1, 1, 1, 1, 1, 1, 1}), Error);
  EXPECT_THROW((Shape{1ll << 40, 1ll << 40}), Error);
  EXPECT_THROW((Shape{2, 3}[2]), Error);
}

TEST(Half, RoundTripsEveryValue) {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const auto h = static_cast<std::uint16_t>(bits);
    const float f = half_to_float(h);
    if (std::isnan(f))
      EXPECT_TRUE(std::isnan(half_to_float(float_to_half(f))));
    else
      EXPECT_EQ(float_to_half(f), h) << bits;
  }
}

TEST(Half, RoundsToNearestEven) {
  EXPECT_EQ(float_to_half(1.0f + 0x1p-11f), 0x3c00);
  EXPECT_EQ(float_to_half(1.0f + 3 * 0x1p-11f), 0x3c02);
  EXPECT_EQ(float_to_half(65519.99f), 0x7bff);
  EXPECT_EQ(float_to_half(65520.0f), 0x7c00);
  EXPECT_EQ(float_to_half(0x1p-25f), 0x0000);
  EXPECT_EQ(float_to_half(-0x1.8p-25f), 0x8001);
}

TEST(BFloat16, RoundsToNearestEven) {
  EXPECT_EQ(float_to_bfloat16(1.0f + 0x1p-8f), 0x3f80);
  EXPECT_EQ(float_to_bfloat16(1.0f + 3 * 0x1p-8f), 0x3f82);
  EXPECT_TRUE(std::isnan(bfloat16_to_float(float_to_bfloat16(NAN))));
}

TEST(HostArray, ConvertsAndRefuses) {
  const auto a = HostArray::from({2, 2}, {1, 2, 3, 70000});
  EXPECT_EQ(a.cast(DType::kBF16).cast(DType::kF32).f32()[1], 2);
  EXPECT_TRUE(std::isinf(a.cast(DType::kF16).to_f32()[3]));
  EXPECT_THROW(HostArray::from({3}, {1, 2}), Error);
  EXPECT_THROW(a.to_i64(), Error);
  EXPECT_EQ(HostArray::from_i32({2}, {-1, 5}).to_i64(), (std::vector<std::int64_t>{-1, 5}));
}

TEST(Int8Rows, EachRowUsesAllOfItsSteps) {
  const std::vector<float> values = {0.5f, -1, 0.25f, 0, 0, 0, 300, 2.3622048f, -3.5433073f};
  const Int8Rows q = quantize_rows(values, 3, 3);
  // 0.5 is 63.5 steps of 1/127 and goes to the even neighbour, 2.3622048 and 3.5433073 are 1 and 1.5 steps.
  EXPECT_EQ(q.values, (std::vector<std::int8_t>{64, -127, 32, 0, 0, 0, 127, 1, -2}));
  EXPECT_EQ(q.scales, (std::vector<float>{1.0f / 127, 0, 300.0f / 127}));
}

TEST(Int8Rows, AreWithinHalfAStepAndComeOutOfThemselvesAgain) {
  std::vector<float> values(64 * 257);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = std::sin(static_cast<float>(i) * 12.9898f) * static_cast<float>(1 + i / 257 * i / 257);
  const Int8Rows q = quantize_rows(values, 64, 257);
  const std::vector<float> back = q.dequantized();
  for (std::size_t i = 0; i < values.size(); ++i)
    ASSERT_LE(std::abs(back[i] - values[i]), q.scales[i / 257] * 0.50001f) << i;
  const Int8Rows again = quantize_rows(back, 64, 257);
  EXPECT_EQ(again.values, q.values);
  for (std::size_t r = 0; r < q.scales.size(); ++r) EXPECT_FLOAT_EQ(again.scales[r], q.scales[r]);
}

TEST(Int8Rows, ValuesThatAreNotFiniteAreAnError) {
  for (const float bad : {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                          std::numeric_limits<float>::quiet_NaN()})
    EXPECT_THROW(quantize_rows(std::vector<float>{1, 2, 3, bad}, 2, 2), Error);
  EXPECT_THROW(quantize_rows(std::vector<float>{1, 2, 3}, 2, 2), Error);
  EXPECT_EQ(quantize_rows(std::vector<float>{1e-38f, 1e-45f}, 1, 2).scales[0], 0);
}

}  // namespace
}  // namespace san
