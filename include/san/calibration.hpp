#pragma once
#include <algorithm>
#include <cmath>

namespace san {

/// How often labels of a score are right: p = a · s^b, of scores above 1 as of 1. Found once for a model, by
/// pictures whose labels are known (docs/accuracy.md).
struct ScoreCurve {
  static constexpr double kSteepest = 20;

  double a = 1;  ///< above 0, at most 1: the probability that the highest score stands for
  double b = 1;  ///< above 0, at most kSteepest

  bool valid() const { return a > 0 && a <= 1 && b > 0 && b <= kSteepest; }
  /// Whether it says more than the score does.
  bool known() const { return a != 1 || b != 1; }
  double probability(double score) const { return a * std::pow(std::clamp(score, 0.0, 1.0), b); }
  /// The least score whose probability is no less; above 1 where none is.
  double score_of(double probability) const { return std::pow(std::max(probability, 0.0) / a, 1 / b); }
  friend bool operator==(const ScoreCurve&, const ScoreCurve&) = default;
};

}  // namespace san
