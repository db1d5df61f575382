#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "metrics/confusion.h"

namespace san {

struct ClassMetrics {
  std::uint64_t truth_pixels = 0, predicted_pixels = 0, hit_pixels = 0;
  std::optional<double> iou;           ///< absent where the class has no true pixel
  std::optional<double> accuracy;      ///< hits / true pixels; absent where the class has no true pixel
  std::optional<double> boundary_iou;  ///< absent where the class has no true boundary pixel
};

/// All as fractions 0..1; NaN where nothing was there to average.
struct Metrics {
  std::vector<ClassMetrics> classes;
  double miou = 0;  ///< mean IoU over the classes with true pixels (detectron2 main, the released logs)
  double miou_v06 =
      0;  ///< the same sum over the classes with true *or* predicted pixels (detectron2 v0.6, the paper)
  double fwiou = 0;  ///< IoU weighted by the share of true pixels
  double macc = 0;   ///< mean accuracy over the classes with true pixels
  double pacc = 0;   ///< share of the true pixels that are right
  double boundary_miou = 0;
};

/// detectron2's formulas. Predictions on ignored truth never count; true pixels without a predicted class are
/// misses.
Metrics compute_metrics(const ConfusionMatrix& confusion, const BoundaryCounts& boundary);

/// Mean IoU (over classes with true pixels) of two groups of classes and their harmonic mean.
struct SplitMetrics {
  double seen_miou = 0, unseen_miou = 0, harmonic = 0;
};
/// Of two shares; 0 when both are.
double harmonic_mean(double a, double b);
/// Throws Error for an index outside the classes.
SplitMetrics split_metrics(const Metrics& metrics, std::span<const int> seen, std::span<const int> unseen);

}  // namespace san
