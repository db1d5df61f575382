#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "san/colors.hpp"

namespace san {
namespace {

TEST(Palette, AllDifferentForAnyNumber) {
  for (const std::size_t count : {0u, 1u, 20u, 847u, 5000u}) {
    const std::vector<Rgb> colors = distinct_colors(count);
    ASSERT_EQ(colors.size(), count);
    EXPECT_EQ(std::set<Rgb>(colors.begin(), colors.end()).size(), count);
    EXPECT_EQ(std::count(colors.begin(), colors.end(), kOtherColor), 0);
  }
}

TEST(Palette, ThePrefixNeverChanges) {
  const std::vector<Rgb> many = distinct_colors(300), few = distinct_colors(12);
  EXPECT_TRUE(std::equal(few.begin(), few.end(), many.begin()));
  EXPECT_EQ(many[0], (Rgb{230, 60, 50}));
}

TEST(Palette, TheFirstTwentyAreFarApart) {
  // Plain RGB distance as an independent measure; 0 … 441, neighbours of a random choice are often below 30.
  const std::vector<Rgb> colors = distinct_colors(20);
  for (std::size_t i = 0; i < colors.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      double sum = 0;
      for (std::size_t c = 0; c < 3; ++c) sum += std::pow(colors[i][c] - colors[j][c], 2);
      EXPECT_GT(std::sqrt(sum), 45) << i << " and " << j;
    }
}

}  // namespace
}  // namespace san
