#include "bank/examples.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "base/labels.h"

namespace san {
namespace {

constexpr double kLeastShare = 0.001;   // of a picture's pixels: below, a class is a few cells of the grid
constexpr double kLeastPurity = 0.6;    // of a mask, on the class it is an example of
constexpr double kLeastCoverage = 0.1;  // of the class, by a mask that is an example of it

/// The grid cell of every pixel along one axis.
std::vector<int> cells(int pixels, int content, int padded, int grid, bool mirrored) {
  std::vector<int> out;
  for (int x = 0; x < pixels; ++x) {
    const double at = (mirrored ? pixels - 1 - x : x) + 0.5;
    const double cell = at * content / pixels * grid / padded;
    out.push_back(std::min(static_cast<int>(cell), grid - 1));
  }
  return out;
}

}  // namespace

MaskOverlaps overlaps(const MaskFeatures& seen, const LabelMap& truth, int classes) {
  require(truth.height == seen.height && truth.width == seen.width,
          "bank: labels of {} × {} pixels for a picture of {} × {}", truth.width, truth.height, seen.width,
          seen.height);
  const HeadView& v = seen.view;
  const std::vector<int> rows = cells(truth.height, v.content_height, v.padded_height, v.grid_height, false);
  const std::vector<int> columns =
      cells(truth.width, v.content_width, v.padded_width, v.grid_width, v.mirrored);
  const auto grid = static_cast<std::size_t>(v.grid_height) * static_cast<std::size_t>(v.grid_width);
  std::vector<double> all(grid);                // pixels of each cell
  std::map<int, std::vector<double>> of_class;  // those of a class
  for (int y = 0; y < truth.height; ++y)
    for (int x = 0; x < truth.width; ++x) {
      const auto cell = static_cast<std::size_t>(rows[static_cast<std::size_t>(y)] * v.grid_width +
                                                 columns[static_cast<std::size_t>(x)]);
      ++all[cell];
      const Label label = truth.row(y)[x];
      if (label == kNoLabel) continue;
      require(label < static_cast<Label>(classes), "bank: a label {} where there are {} classes", label,
              classes);
      auto& counts = of_class[label];
      if (counts.empty()) counts.resize(grid);
      ++counts[cell];
    }
  MaskOverlaps out;
  for (const auto& [label, counts] : of_class) {
    out.classes.push_back(label);
    double area = 0;
    for (const double n : counts) area += n;
    out.areas.push_back(area);
    out.inside.emplace_back(static_cast<std::size_t>(v.queries));
  }
  out.mask_areas.resize(static_cast<std::size_t>(v.queries));
  std::vector<double> mask(grid);
  for (std::size_t q = 0; q < out.mask_areas.size(); ++q) {
    for (std::size_t i = 0; i < grid; ++i)
      mask[i] = 1 / (1 + std::exp(-static_cast<double>(v.mask_logits[q * grid + i])));
    for (std::size_t i = 0; i < grid; ++i) out.mask_areas[q] += mask[i] * all[i];
    std::size_t c = 0;
    for (const auto& [label, counts] : of_class) {
      double inside = 0;
      for (std::size_t i = 0; i < grid; ++i) inside += mask[i] * counts[i];
      out.inside[c++][q] = inside;
    }
  }
  return out;
}

std::vector<int> visible_queries(const MaskFeatures& seen) {
  constexpr double kLeastMean = 0.002;
  std::vector<int> out;
  const auto queries = static_cast<std::size_t>(seen.view.queries), cells = seen.masks.size() / queries;
  for (std::size_t q = 0; q < queries; ++q) {
    double sum = 0;
    for (std::size_t i = 0; i < cells; ++i)
      sum += 1 / (1 + std::exp(-static_cast<double>(seen.masks[q * cells + i])));
    if (sum >= kLeastMean * static_cast<double>(cells)) out.push_back(static_cast<int>(q));
  }
  return out;
}

std::vector<RegionExample> pool_examples(const MaskFeatures& seen, const LabelMap& truth, int classes) {
  const MaskOverlaps lie = overlaps(seen, truth, classes);
  const std::size_t queries = lie.mask_areas.size(), dim = seen.embeddings.size() / queries;
  const double pixels = static_cast<double>(truth.labels.size());
  std::vector<RegionExample> out;
  for (std::size_t c = 0; c < lie.classes.size(); ++c) {
    if (lie.areas[c] < kLeastShare * pixels) continue;
    std::vector<std::pair<std::size_t, double>> chosen;
    std::size_t best = 0;
    double best_iou = -1, sum = 0;
    for (std::size_t q = 0; q < queries; ++q) {
      const double inside = lie.inside[c][q], area = lie.mask_areas[q];
      const double iou = inside / std::max(area + lie.areas[c] - inside, 1e-9);
      if (iou > best_iou) best = q, best_iou = iou;
      const double purity = inside / std::max(area, 1e-9), coverage = inside / lie.areas[c];
      if (purity < kLeastPurity || coverage < kLeastCoverage) continue;
      chosen.emplace_back(q, purity * coverage);
      sum += purity * coverage;
    }
    if (chosen.empty()) chosen.emplace_back(best, 1), sum = 1;
    for (const auto& [q, share] : chosen) {
      const float* from = seen.embeddings.data() + q * dim;
      out.push_back(
          {lie.classes[c], static_cast<int>(q), static_cast<float>(share / sum), {from, from + dim}});
    }
  }
  return out;
}

}  // namespace san
