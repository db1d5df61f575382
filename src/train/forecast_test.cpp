#include "train/forecast.h"

#include <gtest/gtest.h>

namespace san {
namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Forecast, DurationsReadAsPeopleSayThem) {
  EXPECT_EQ(duration_text(0.02), "20 ms");
  EXPECT_EQ(duration_text(2.64), "2.6 s");
  EXPECT_EQ(duration_text(9.96), "10 s");
  EXPECT_EQ(duration_text(59.4), "59 s");
  EXPECT_EQ(duration_text(250), "4 min");
  EXPECT_EQ(duration_text(42'000), "11 h 40 min");
  EXPECT_EQ(duration_text(259'200), "3 days");
}

TEST(Forecast, ALongRunIsToldWhatToChangeAndAShortOneIsNot) {
  Pace pace{21, 8, 2000, 0, 0};
  const std::string text = forecast(pace, 0);
  EXPECT_TRUE(has(text, "a step takes 21 s (8 parts of 2.6 s): 2000 steps in 11 h 40 min")) << text;
  for (const char* option : {"--quick", "SOLVER.MAX_ITER", "INPUT.CROP_SIZE", "--max-minutes"})
    EXPECT_TRUE(has(text, option)) << text;
  pace.steps_left = 60;
  EXPECT_FALSE(has(forecast(pace, 0), "--quick"));
}

TEST(Forecast, ALimitSaysHowFarItReaches) {
  const std::string text = forecast({21, 8, 2000, 0, 720}, 0);
  EXPECT_TRUE(has(text, "after 12 min: about 34 steps; --resume goes on")) << text;
  EXPECT_FALSE(has(forecast({1, 1, 60, 0, 720}, 0), "--max-minutes")) << "the run is over before";
}

TEST(Forecast, ARunMeasuredInTimeCountsTheStepsItHolds) {
  EXPECT_TRUE(has(forecast({3, 1, 0, 720, 0}, 0), ": 240 steps in 12 min"));
  EXPECT_FALSE(has(forecast({3, 1, 0, 720, 0}, 0), "too few"));
  EXPECT_TRUE(has(forecast({100, 1, 0, 720, 0}, 0), "too few to learn from"));
  EXPECT_TRUE(has(forecast({3, 1, 100, 720, 0}, 0), ": 100 steps in 5 min")) << "the steps end it";
  EXPECT_TRUE(has(forecast({30, 1, 100, 720, 0}, 0), ": 24 steps in 12 min")) << "the time ends it";
}

}  // namespace
}  // namespace san
