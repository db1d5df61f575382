#pragma once
#include <string>

namespace san {

/// Learning rate over a run, as a factor of the base rate.
struct Schedule {
  enum class Kind : std::uint8_t {
    kPoly,       ///< (1 − p)^power
    kCosine,     ///< (1 + cos πp) / 2
    kTrapezoid,  ///< 1, then straight down to 0 over the last `cooldown`
    kConstant
  };
  Kind kind = Kind::kPoly;
  double power = 0.9;
  double warmup = 0;      ///< part of the run over which the factor first rises from 0 in a straight line
  double cooldown = 0.3;  ///< part of the run, kTrapezoid only

  /// `progress`: part of the run done, in [0, 1].
  double factor(double progress) const;
  /// "poly", "cosine", "trapezoid", "constant"; throws Error listing them.
  static Kind parse(const std::string& name);
};

}  // namespace san
