#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "san/image.hpp"

namespace san {

/// What one picture adds to the counts of one class; of the boundary bands too (BoundaryCounts).
struct ClassCounts {
  int class_index = 0;
  std::uint64_t truth = 0, predicted = 0, hit = 0;
  std::uint64_t boundary_truth = 0, boundary_predicted = 0, boundary_hit = 0;

  ClassCounts& operator+=(const ClassCounts& other);
  friend bool operator==(const ClassCounts&, const ClassCounts&) = default;
};

/// Of one picture, the classes that are there or were predicted, ascending.
using PictureCounts = std::vector<ClassCounts>;

/// Counts two label maps of equal size, as ConfusionMatrix and BoundaryCounts do.
PictureCounts count_picture(std::span<const Label> predicted, std::span<const Label> truth, int width,
                            int height, int classes, Label ignore);

/// Of all pictures together, as fractions; NaN where there is nothing to average.
struct MeanIou {
  double all = 0, boundary = 0;
};
/// Over the classes with true pixels, and over `only` of them unless it is empty.
MeanIou mean_iou(std::span<const PictureCounts> pictures, int classes, std::span<const int> only = {});

/// A value and the middle 95 % of what it would have been with other pictures.
struct Interval {
  double value = 0, low = 0, high = 0;
};

struct Spread {
  Interval miou, boundary;
  Interval miou_gain, boundary_gain;  ///< over the first technique, on the same pictures
};

/// Percentile bootstrap (Efron 1979) over pictures: `resamples` times as many pictures are drawn with
/// replacement, the same ones for every technique, so that a gain's spread is that of the difference.
/// Intervals are moved by the draws' bias, the difference of their mean from the value: a draw lacks some
/// classes. The same seed gives the same numbers. techniques: [techniques][pictures], the pictures in the
/// same order. Throws Error when there is none, and when their numbers differ.
std::vector<Spread> bootstrap(std::span<const std::vector<PictureCounts>> techniques, int classes,
                              int resamples, std::uint64_t seed);

}  // namespace san
