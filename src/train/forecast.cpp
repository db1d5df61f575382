#include "train/forecast.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>

namespace san {
namespace {

constexpr double kMinute = 60, kHour = 3600, kDay = 86400;
constexpr double kLong = 30 * kMinute;  // from here on a run's owner may want to know what to change
constexpr std::int64_t kFew = 20;       // steps from which hardly anything is learned
constexpr const char* kShorter =
    "Too long? --quick; fewer steps (--set SOLVER.MAX_ITER=N); smaller crops (--set INPUT.CROP_SIZE=N); "
    "--max-minutes N saves and stops, --resume goes on";

std::string time_of_day(std::int64_t seconds) {
  const std::time_t when = static_cast<std::time_t>(seconds);
  std::tm local{};
  ::localtime_r(&when, &local);
  return fmt::format("{:02}:{:02}", local.tm_hour, local.tm_min);
}

std::string step_text(const Pace& p) {
  std::string text = fmt::format("a step takes {}", duration_text(p.step_s));
  if (p.parts > 1)
    text += fmt::format(" ({} parts of {})", p.parts, duration_text(p.step_s / static_cast<double>(p.parts)));
  return text;
}

}  // namespace

std::string duration_text(double seconds) {
  if (seconds < 0.095) return fmt::format("{:.0f} ms", 1e3 * seconds);
  if (seconds < 9.95) return fmt::format("{:.1f} s", seconds);
  if (seconds < 2 * kMinute) return fmt::format("{:.0f} s", seconds);
  const auto whole = [](double x) { return static_cast<std::int64_t>(std::llround(x)); };
  if (seconds < 2 * kHour) return fmt::format("{} min", whole(seconds / kMinute));
  if (seconds < 2 * kDay) {
    const std::int64_t minutes = whole(seconds / kMinute);
    return fmt::format("{} h {} min", minutes / 60, minutes % 60);
  }
  return fmt::format("{} days", whole(seconds / kDay));
}

std::string forecast(const Pace& p, std::int64_t now) {
  std::string text = step_text(p);
  if (p.step_s <= 0) return text;
  std::int64_t steps = p.steps_left;
  if (p.seconds_left > 0) {
    const auto fitting = static_cast<std::int64_t>(p.seconds_left / p.step_s);
    steps = steps > 0 ? std::min(steps, fitting) : fitting;
  }
  const double length = p.step_s * static_cast<double>(steps);
  text += fmt::format(": {} steps in {}", steps, duration_text(length));
  if (length < kDay) text += fmt::format(", until about {}", time_of_day(now + std::llround(length)));
  if (steps < kFew && p.seconds_left > 0 && steps != p.steps_left)
    text +=
        ", too few to learn from; give more time (--set SOLVER.MAX_MINUTES=N) or smaller crops (--set "
        "INPUT.CROP_SIZE=N)";
  if (p.limit_s > 0 && p.limit_s < length)
    return text + fmt::format(". --max-minutes ends this part after {}: about {} steps; --resume goes on",
                              duration_text(p.limit_s), static_cast<std::int64_t>(p.limit_s / p.step_s));
  if (p.seconds_left <= 0 && length > kLong) text += fmt::format(". {}", kShorter);
  return text;
}

}  // namespace san
