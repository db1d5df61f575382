#include "apps/cli/ordered_jobs.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>

namespace san::cli {
namespace {

constexpr int kItems = 200;

/// 0, 1, 2, …: not safe to be called by two threads at once, and need not be.
auto counting(int& given) {
  return [&given]() -> std::optional<int> { return given < kItems ? std::optional(given++) : std::nullopt; };
}

TEST(OrderedJobs, ResultsComeOneAtATimeInTheOrderOfTheItems) {
  for (const int jobs : {1, 4}) {
    int given = 0;
    std::vector<int> results;
    run_in_order(
        jobs, counting(given),
        [&](int item) {
          for (int i = 0; i < item % 7; ++i) std::this_thread::yield();
          return item * item;
        },
        [&](int result) { results.push_back(result); });
    ASSERT_EQ(results.size(), static_cast<std::size_t>(kItems));
    for (int i = 0; i < kItems; ++i) EXPECT_EQ(results[static_cast<std::size_t>(i)], i * i);
  }
}

TEST(OrderedJobs, NobodyRunsFarAheadOfWhatIsCommitted) {
  constexpr int kJobs = 3;
  int given = 0;
  std::atomic<int> committed = 0;
  run_in_order(
      kJobs,
      [&]() -> std::optional<int> {
        EXPECT_LT(given - committed, 2 * kJobs);
        return counting(given)();
      },
      [](int item) { return item; }, [&](int) { ++committed; });
  EXPECT_EQ(committed, kItems);
}

TEST(OrderedJobs, WhatAnyOfThemThrowsEndsTheWork) {
  for (const int jobs : {1, 4})
    for (const char* who : {"next", "work", "commit"}) {
      const auto fails = [who](const char* name, int item) {
        if (std::string_view(who) == name && item == 50) throw std::runtime_error(who);
      };
      int given = 0, committed = 0;
      try {
        run_in_order(
            jobs,
            [&] {
              fails("next", given);
              return counting(given)();
            },
            [&](int item) {
              fails("work", item);
              return item;
            },
            [&](int result) {
              fails("commit", result);
              ++committed;
            });
        ADD_FAILURE() << who << " went through";
      } catch (const std::runtime_error& e) {
        EXPECT_STREQ(e.what(), who);
      }
      EXPECT_LE(committed, 50) << who;
      EXPECT_LE(given, 50 + 1 + 2 * jobs) << who << ": nothing new is begun";
    }
}

}  // namespace
}  // namespace san::cli
