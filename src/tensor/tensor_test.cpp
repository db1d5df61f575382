#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "base/error.h"
#include "tensor/host_array.h"
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

}  // namespace
}  // namespace san
