#include "train/hungarian.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "base/error.h"

namespace san {
namespace {

double total(const std::vector<float>& cost, std::int64_t columns,
             const std::vector<std::int64_t>& column_of) {
  double sum = 0;
  for (std::size_t i = 0; i < column_of.size(); ++i)
    if (column_of[i] >= 0)
      sum += cost[i * static_cast<std::size_t>(columns) + static_cast<std::size_t>(column_of[i])];
  return sum;
}

// Every way to give the smaller side's members distinct partners.
double best_of_all(const std::vector<float>& cost, std::int64_t rows, std::int64_t columns) {
  const bool wide = rows <= columns;
  const std::int64_t n = std::min(rows, columns), m = std::max(rows, columns);
  std::vector<std::int64_t> order(static_cast<std::size_t>(m));
  std::iota(order.begin(), order.end(), 0);
  double best = std::numeric_limits<double>::infinity();
  do {
    double sum = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      const std::int64_t partner = order[static_cast<std::size_t>(i)];
      sum += cost[static_cast<std::size_t>(wide ? i * columns + partner : partner * columns + i)];
    }
    best = std::min(best, sum);
  } while (std::next_permutation(order.begin(), order.end()));
  return best;
}

TEST(Hungarian, FindsTheMinimumOfEveryShapeUpToSeven) {
  std::mt19937 rng(5);
  std::uniform_real_distribution<float> uniform(-3, 3);
  std::uniform_int_distribution<int> coarse(-2, 2);
  for (std::int64_t rows = 1; rows <= 7; ++rows)
    for (std::int64_t columns = 1; columns <= 7; ++columns)
      for (const bool ties : {false, true}) {
        std::vector<float> cost(static_cast<std::size_t>(rows * columns));
        for (float& c : cost) c = ties ? static_cast<float>(coarse(rng)) : uniform(rng);
        const std::vector<std::int64_t> found = assign_minimum_cost(cost, rows, columns);
        std::vector<std::int64_t> used;
        for (const std::int64_t j : found)
          if (j >= 0) used.push_back(j);
        ASSERT_EQ(static_cast<std::int64_t>(used.size()), std::min(rows, columns));
        std::sort(used.begin(), used.end());
        ASSERT_EQ(std::adjacent_find(used.begin(), used.end()), used.end()) << "a column was given twice";
        EXPECT_NEAR(total(cost, columns, found), best_of_all(cost, rows, columns), 1e-5)
            << rows << "x" << columns;
      }
}

TEST(Hungarian, NothingToAssign) {
  EXPECT_EQ(assign_minimum_cost({}, 3, 0), (std::vector<std::int64_t>{-1, -1, -1}));
  EXPECT_TRUE(assign_minimum_cost({}, 0, 3).empty());
}

TEST(Hungarian, RefusesCostsThatAreNotFinite) {
  const std::vector<float> cost{1, std::nanf(""), 2, 3};
  EXPECT_THROW(assign_minimum_cost(cost, 2, 2), Error);
}

}  // namespace
}  // namespace san
