#pragma once
#include <cstdint>
#include <string>

namespace san {

/// What is known of a run's pace.
struct Pace {
  double step_s = 0;            ///< seconds of one step, measured or estimated
  std::int64_t parts = 1;       ///< backward passes of a step
  std::int64_t steps_left = 0;  ///< 0: as many as fit `seconds_left`
  double seconds_left = 0;      ///< of a run with a length in time; 0: as long as the steps take
  double limit_s = 0;           ///< until the process saves and stops; 0: no limit
};

/// "a step takes 21 s (8 parts of 2.6 s): 2000 steps in 11 h 40 min, until about 07:10", and what to change
/// where that is longer than half an hour or than the limit. `now`: seconds since 1970, for the time of day.
std::string forecast(const Pace& pace, std::int64_t now);

/// "2.6 s", "4 min 10 s", "11 h 40 min", "3 days".
std::string duration_text(double seconds);

}  // namespace san
