#include "train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace san {

double Schedule::factor(double progress) const {
  const double p = std::clamp(progress, 0.0, 1.0);
  const double rise = warmup > 0 ? std::min(1.0, p / warmup) : 1.0;
  switch (kind) {
    case Kind::kPoly:
      return rise * std::pow(1 - p, power);
    case Kind::kCosine:
      return rise * 0.5 * (1 + std::cos(std::numbers::pi * p));
    case Kind::kTrapezoid:
      return rise * (cooldown > 0 ? std::min(1.0, (1 - p) / cooldown) : 1.0);
    case Kind::kConstant:
      return rise;
  }
  fail("unknown schedule {}", static_cast<int>(kind));
}

Schedule::Kind Schedule::parse(const std::string& name) {
  if (name == "poly") return Kind::kPoly;
  if (name == "cosine") return Kind::kCosine;
  if (name == "trapezoid") return Kind::kTrapezoid;
  if (name == "constant") return Kind::kConstant;
  fail("SOLVER.LR_SCHEDULER_NAME is '{}'; expected poly, cosine, trapezoid or constant", name);
}

}  // namespace san
