#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "san/calibration.hpp"
#include "san/image.hpp"

namespace san {

/// How often labels are right, by their score: what a reliability diagram draws. Scores above one count as
/// one. Integer sums: the order of adding and merging never changes the result.
struct Reliability {
  static constexpr int kBins = 20;  ///< of equal width, [0, 0.05) … [0.95, 1]
  static constexpr double kScoreUnits = 1 << 16;

  struct Bin {
    std::uint64_t pixels = 0, right = 0;
    std::uint64_t score = 0;  ///< summed, in 1 / kScoreUnits

    double mean_score() const {
      return static_cast<double>(score) / (kScoreUnits * static_cast<double>(pixels));
    }
    double accuracy() const { return static_cast<double>(right) / static_cast<double>(pixels); }
    friend bool operator==(const Bin&, const Bin&) = default;
  };

  std::array<Bin, kBins> bins{};

  /// Adds the pixels whose truth is not `ignore` and whose label is one of 0 … classes − 1, by the label's
  /// score. Throws Error when the sizes differ and on scores that are negative or not finite.
  void add(std::span<const float> scores, std::span<const Label> predicted, std::span<const Label> truth,
           int classes, Label ignore);
  void merge(const Reliability& other);

  /// All bins together.
  Bin total() const;
  /// Expected calibration error (Naeini et al., AAAI 2015): |accuracy − mean score| of the bins, weighted by
  /// their pixels; none without a pixel.
  std::optional<double> expected_error() const;
  /// The same of the probabilities that a curve makes of the bins' mean scores.
  std::optional<double> expected_error(const ScoreCurve& curve) const;

  friend bool operator==(const Reliability&, const Reliability&) = default;
};

/// The most likely curve, given how many labels of the bins are right; to four digits. Throws Error when
/// fewer than two bins have pixels, or no label is right.
ScoreCurve fit_curve(const Reliability& reliability);

}  // namespace san
