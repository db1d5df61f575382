#include "metrics/metrics.h"

#include <limits>

#include "base/error.h"

namespace san {
namespace {

double ratio(double numerator, double denominator) {
  return denominator > 0 ? numerator / denominator : std::numeric_limits<double>::quiet_NaN();
}

double mean_iou(const Metrics& metrics, std::span<const int> classes) {
  double sum = 0;
  int counted = 0;
  for (const int c : classes) {
    require(c >= 0 && static_cast<std::size_t>(c) < metrics.classes.size(),
            "seen/unseen lists: class {} is outside 0..{}", c, metrics.classes.size() - 1);
    if (const auto& iou = metrics.classes[static_cast<std::size_t>(c)].iou) sum += *iou, ++counted;
  }
  return ratio(sum, counted);
}

}  // namespace

Metrics compute_metrics(const ConfusionMatrix& confusion, const BoundaryCounts& boundary) {
  const int n = confusion.classes();
  require(boundary.both.size() == static_cast<std::size_t>(n),
          "metrics: {} classes but boundary counts of {}", n, boundary.both.size());
  Metrics out;
  out.classes.resize(static_cast<std::size_t>(n));
  double truth_total = 0, hits = 0;
  for (int c = 0; c < n; ++c) {
    auto& entry = out.classes[static_cast<std::size_t>(c)];
    entry.hit_pixels = confusion.at(c, c);
    for (int other = 0; other < n; ++other) {
      entry.truth_pixels += confusion.at(other, c);
      entry.predicted_pixels += confusion.at(c, other);
    }
    entry.truth_pixels += confusion.at(n, c);
    truth_total += static_cast<double>(entry.truth_pixels);
    hits += static_cast<double>(entry.hit_pixels);
  }
  double iou = 0, weighted = 0, accuracy = 0, boundary_sum = 0;
  int with_truth = 0, with_any = 0, with_boundary = 0;
  for (std::size_t c = 0; c < out.classes.size(); ++c) {
    auto& entry = out.classes[c];
    with_any += entry.truth_pixels + entry.predicted_pixels > 0;
    if (entry.truth_pixels == 0) continue;
    ++with_truth;
    const auto truth = static_cast<double>(entry.truth_pixels), hit = static_cast<double>(entry.hit_pixels);
    entry.iou = hit / static_cast<double>(entry.truth_pixels + entry.predicted_pixels - entry.hit_pixels);
    entry.accuracy = hit / truth;
    iou += *entry.iou;
    weighted += *entry.iou * (truth / truth_total);
    accuracy += *entry.accuracy;
    if (boundary.truth[c] == 0) continue;
    ++with_boundary;
    entry.boundary_iou = static_cast<double>(boundary.both[c]) /
                         static_cast<double>(boundary.truth[c] + boundary.predicted[c] - boundary.both[c]);
    boundary_sum += *entry.boundary_iou;
  }
  out.miou = ratio(iou, with_truth);
  out.miou_v06 = ratio(iou, with_any);
  out.fwiou = with_truth > 0 ? weighted : ratio(0, 0);
  out.macc = ratio(accuracy, with_truth);
  out.pacc = ratio(hits, truth_total);
  out.boundary_miou = ratio(boundary_sum, with_boundary);
  return out;
}

double harmonic_mean(double a, double b) {
  return a + b == 0 ? 0 : 2 * a * b / (a + b);
}

SplitMetrics split_metrics(const Metrics& metrics, std::span<const int> seen, std::span<const int> unseen) {
  SplitMetrics out{mean_iou(metrics, seen), mean_iou(metrics, unseen), 0};
  out.harmonic = harmonic_mean(out.seen_miou, out.unseen_miou);
  return out;
}

}  // namespace san
