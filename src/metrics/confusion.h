#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "san/image.hpp"

namespace san {

/// Exact pixel counts of (predicted class, true class) pairs, as detectron2's SemSegEvaluator: (N+1)² cells,
/// the last row and column standing for "no class" (unlabelled prediction, ignored truth). Integer sums: the
/// order of adding and merging never changes the result.
class ConfusionMatrix {
 public:
  static constexpr int kMaxClasses = 10'000;  ///< 800 MB of cells
  /// 1 ≤ classes ≤ kMaxClasses.
  explicit ConfusionMatrix(int classes);

  int classes() const { return classes_; }
  std::uint64_t at(int predicted, int truth) const { return cells_[cell(predicted, truth)]; }
  void add(int predicted, int truth, std::uint64_t pixels);
  /// Counts two label maps of equal size. Truth equal to `ignore` is not scored; any other truth outside
  /// 0..N-1 throws Error. A prediction outside 0..N-1 is "no class": a miss of the true class.
  void add(std::span<const Label> predicted, std::span<const Label> truth, Label ignore);
  /// Adds another matrix of the same number of classes.
  void merge(const ConfusionMatrix& other);

  friend bool operator==(const ConfusionMatrix&, const ConfusionMatrix&) = default;

 private:
  std::size_t cell(int predicted, int truth) const {
    return static_cast<std::size_t>(predicted) * static_cast<std::size_t>(classes_ + 1) +
           static_cast<std::size_t>(truth);
  }

  int classes_;
  std::vector<std::uint64_t> cells_;
};

/// Per-class pixel counts of boundary bands (Cheng et al., "Boundary IoU", CVPR 2021).
struct BoundaryCounts {
  std::vector<std::uint64_t> both, truth, predicted;  ///< [N] each

  explicit BoundaryCounts(int classes);
  /// Counts one image of width×height. Pixels with ignored truth belong to no class in either map, so a
  /// prediction that agrees with the truth wherever it is known scores 1. The image edge is a boundary, as in
  /// the authors' code.
  void add(std::span<const Label> predicted, std::span<const Label> truth, int width, int height,
           Label ignore);
  void merge(const BoundaryCounts& other);

  friend bool operator==(const BoundaryCounts&, const BoundaryCounts&) = default;
};

/// Band width in pixels: max(1, round(0.02 · diagonal)).
int boundary_distance(int width, int height);

/// 1 for each pixel that has a pixel of another label, or the outside of the image, within Chebyshev distance
/// `distance`; for every class at once this is mask minus its erosion by a (2·distance+1)² square.
std::vector<std::uint8_t> boundary_band(std::span<const Label> labels, int width, int height, int distance);

}  // namespace san
