#include "base/random.h"

#include <cmath>

namespace san {
namespace {

float sine_turns(double turns) {
  double t = turns - std::floor(turns + 0.5);
  if (t > 0.25) t = 0.5 - t;
  if (t < -0.25) t = -0.5 - t;
  const double x = t * 6.283185307179586, x2 = x * x;
  return static_cast<float>(
      x * (1 + x2 * (-1.0 / 6 + x2 * (1.0 / 120 + x2 * (-1.0 / 5040 + x2 * (1.0 / 362880))))));
}

}  // namespace

SineCosine sine_cosine_turns(float turns) {
  return {sine_turns(turns), sine_turns(static_cast<double>(turns) + 0.25)};
}

float atan2_turns(float y, float x) {
  const float ax = std::fabs(x), ay = std::fabs(y);
  const float largest = ax > ay ? ax : ay;
  if (largest == 0) return 0;
  const float ratio = (ax > ay ? ay : ax) / largest, r2 = ratio * ratio;
  float angle =
      ratio * (0.1591337f + r2 * (-0.0525688f + r2 * (0.0286703f + r2 * (-0.0135493f + r2 * 0.0033160f))));
  if (ay > ax) angle = 0.25f - angle;
  if (x < 0) angle = 0.5f - angle;
  return y < 0 ? -angle : angle;
}

}  // namespace san
