#include "metrics/confusion.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/labels.h"

namespace san {

ConfusionMatrix::ConfusionMatrix(int classes) : classes_(classes) {
  require(classes >= 1 && classes <= kMaxClasses,
          "confusion matrix: {} classes; its square of cells is kept for 1 to {}", classes, kMaxClasses);
  cells_.resize(static_cast<std::size_t>(classes + 1) * static_cast<std::size_t>(classes + 1));
}

void ConfusionMatrix::add(int predicted, int truth, std::uint64_t pixels) {
  require(predicted >= 0 && predicted <= classes_ && truth >= 0 && truth <= classes_,
          "confusion matrix: cell ({}, {}) is outside 0..{}", predicted, truth, classes_);
  cells_[cell(predicted, truth)] += pixels;
}

void ConfusionMatrix::add(std::span<const Label> predicted, std::span<const Label> truth, Label ignore) {
  require(predicted.size() == truth.size(), "confusion matrix: the prediction has {} pixels, the truth {}",
          predicted.size(), truth.size());
  const auto none = static_cast<Label>(classes_);
  const auto bad = std::ranges::find_if(truth, [&](Label t) { return t >= none && t != ignore; });
  require(bad == truth.end(), "label value {} is neither a class (0..{}) nor the ignore value {}",
          bad == truth.end() ? 0 : *bad, classes_ - 1, ignore);
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const Label t = truth[i] == ignore ? none : truth[i];
    ++cells_[cell(static_cast<int>(std::min(predicted[i], none)), static_cast<int>(t))];
  }
}

void ConfusionMatrix::merge(const ConfusionMatrix& other) {
  require(other.classes_ == classes_, "cannot merge confusion matrices of {} and {} classes", classes_,
          other.classes_);
  for (std::size_t i = 0; i < cells_.size(); ++i) cells_[i] += other.cells_[i];
}

int boundary_distance(int width, int height) {
  return std::max(1, static_cast<int>(std::lround(0.02 * std::hypot(width, height))));
}

std::vector<std::uint8_t> boundary_band(std::span<const Label> labels, int width, int height, int distance) {
  const auto w = static_cast<std::size_t>(width), h = static_cast<std::size_t>(height);
  const int needed = 2 * distance + 1;
  std::vector<std::uint8_t> band(w * h, 1);
  // rows[x]: consecutive rows up to the current one whose window [x-d, x+d] is uniform in the same label.
  std::vector<int> rows(w, 0);
  for (std::size_t y = 0; y < h; ++y) {
    const auto row = labels.subspan(y * w, w);
    for (std::size_t begin = 0, end; begin < w; begin = end) {
      end = begin + 1;
      while (end < w && row[end] == row[begin]) ++end;
      for (std::size_t x = begin; x < end; ++x) {
        const bool uniform = x - begin >= static_cast<std::size_t>(distance) &&
                             end - 1 - x >= static_cast<std::size_t>(distance);
        const bool continues = y > 0 && labels[(y - 1) * w + x] == row[x];
        rows[x] = !uniform ? 0 : continues ? rows[x] + 1 : 1;
        if (rows[x] >= needed) band[(y - static_cast<std::size_t>(distance)) * w + x] = 0;
      }
    }
  }
  return band;
}

BoundaryCounts::BoundaryCounts(int classes)
    : both(static_cast<std::size_t>(classes)), truth(both.size()), predicted(both.size()) {}

void BoundaryCounts::add(std::span<const Label> predicted_map, std::span<const Label> truth_map, int width,
                         int height, Label ignore) {
  require(predicted_map.size() == truth_map.size() &&
              truth_map.size() == static_cast<std::size_t>(width) * static_cast<std::size_t>(height),
          "boundary IoU: the prediction has {} pixels, the truth {}; expected {}x{}", predicted_map.size(),
          truth_map.size(), width, height);
  const auto classes = both.size();
  const auto none = static_cast<Label>(classes);
  std::vector<Label> p(truth_map.size()), t(truth_map.size());
  for (std::size_t i = 0; i < t.size(); ++i) {
    const bool known = truth_map[i] != ignore && truth_map[i] < classes;
    t[i] = known ? truth_map[i] : none;
    p[i] = known ? std::min(predicted_map[i], none) : none;
  }
  const int distance = boundary_distance(width, height);
  const auto t_band = boundary_band(t, width, height, distance);
  const auto p_band = boundary_band(p, width, height, distance);
  for (std::size_t i = 0; i < t.size(); ++i) {
    if (t[i] == none) continue;
    if (t_band[i]) ++truth[t[i]];
    if (!p_band[i] || p[i] == none) continue;
    ++predicted[p[i]];
    if (t_band[i] && t[i] == p[i]) ++both[t[i]];
  }
}

void BoundaryCounts::merge(const BoundaryCounts& other) {
  require(other.both.size() == both.size(), "cannot merge boundary counts of {} and {} classes", both.size(),
          other.both.size());
  for (std::size_t c = 0; c < both.size(); ++c) {
    both[c] += other.both[c];
    truth[c] += other.truth[c];
    predicted[c] += other.predicted[c];
  }
}

}  // namespace san
