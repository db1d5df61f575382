#include "base/random.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace san {
namespace {

TEST(Rng, IsAPureFunctionOfItsKey) {
  Rng a(7, 1, 42), b(7, 1, 42), other(7, 2, 42);
  const auto first = a.next();
  EXPECT_EQ(first, b.next());
  EXPECT_NE(first, other.next());
  // The value itself is part of every scene: it may never change.
  EXPECT_EQ(Rng(1).next(), 6791897765849424158ull);
}

TEST(Rng, DrawsInsideTheirRanges) {
  Rng rng(1);
  double sum = 0, squares = 0;
  constexpr int kDraws = 20000;
  for (int i = 0; i < kDraws; ++i) {
    const float u = rng.uniform();
    ASSERT_GE(u, 0.0f);
    ASSERT_LT(u, 1.0f);
    const int n = rng.between(-2, 2);
    ASSERT_GE(n, -2);
    ASSERT_LE(n, 2);
    const float z = rng.normal();
    sum += z;
    squares += z * z;
  }
  // Four standard errors of the mean and of the variance.
  EXPECT_NEAR(sum / kDraws, 0, 0.03);
  EXPECT_NEAR(squares / kDraws, 1, 0.037);
}

TEST(SineCosine, FollowsTheLibrary) {
  for (float t = -3; t < 3; t += 0.0137f) {
    const auto [sine, cosine] = sine_cosine_turns(t);
    // The polynomial's last term at a quarter turn is 4e-6.
    EXPECT_NEAR(sine, std::sin(2 * std::numbers::pi * t), 5e-6) << t;
    EXPECT_NEAR(cosine, std::cos(2 * std::numbers::pi * t), 5e-6) << t;
  }
}

TEST(Atan2, FollowsTheLibraryInEveryQuadrant) {
  for (float t = -0.499f; t < 0.5f; t += 0.0071f) {
    const auto y = static_cast<float>(3 * std::sin(2 * std::numbers::pi * t)),
               x = static_cast<float>(3 * std::cos(2 * std::numbers::pi * t));
    EXPECT_NEAR(atan2_turns(y, x), t, 1e-4) << t;
  }
  EXPECT_EQ(atan2_turns(0, 0), 0);
}

}  // namespace
}  // namespace san
