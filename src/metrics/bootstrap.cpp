#include "metrics/bootstrap.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/random.h"
#include "metrics/confusion.h"

namespace san {
namespace {

/// Sums over pictures, by class.
class Totals {
 public:
  explicit Totals(int classes) : counts_(static_cast<std::size_t>(classes)) {}

  void add(const PictureCounts& picture) {
    for (const ClassCounts& c : picture) counts_.at(static_cast<std::size_t>(c.class_index)) += c;
  }
  MeanIou mean(std::span<const int> only) const {
    double sum = 0, boundary = 0;
    int with_truth = 0, with_boundary = 0;
    const auto count = [&](const ClassCounts& c) {
      if (c.truth == 0) return;
      ++with_truth;
      sum += share(c.hit, c.truth + c.predicted - c.hit);
      if (c.boundary_truth == 0) return;
      ++with_boundary;
      boundary += share(c.boundary_hit, c.boundary_truth + c.boundary_predicted - c.boundary_hit);
    };
    if (only.empty()) std::ranges::for_each(counts_, count);
    for (const int c : only) count(counts_.at(static_cast<std::size_t>(c)));
    constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
    return {with_truth > 0 ? sum / with_truth : kNone, with_boundary > 0 ? boundary / with_boundary : kNone};
  }

 private:
  static double share(std::uint64_t part, std::uint64_t whole) {
    return static_cast<double>(part) / static_cast<double>(whole);
  }
  std::vector<ClassCounts> counts_;
};

Interval interval(double value, std::vector<double>& draws) {
  std::erase_if(draws, [](double v) { return std::isnan(v); });
  if (draws.empty()) return {value, value, value};
  std::ranges::sort(draws);
  // A draw has fewer classes than all pictures together, the rare and difficult ones not: its mean lies
  // higher.
  const double bias =
      std::accumulate(draws.begin(), draws.end(), 0.0) / static_cast<double>(draws.size()) - value;
  const auto at = [&](double share) {
    return draws[static_cast<std::size_t>(share * static_cast<double>(draws.size() - 1) + 0.5)];
  };
  return {value, at(0.025) - bias, at(0.975) - bias};
}

}  // namespace

ClassCounts& ClassCounts::operator+=(const ClassCounts& other) {
  truth += other.truth, predicted += other.predicted, hit += other.hit;
  boundary_truth += other.boundary_truth, boundary_predicted += other.boundary_predicted;
  boundary_hit += other.boundary_hit;
  return *this;
}

PictureCounts count_picture(std::span<const Label> predicted, std::span<const Label> truth, int width,
                            int height, int classes, Label ignore) {
  BoundaryCounts boundary(classes);
  boundary.add(predicted, truth, width, height, ignore);
  const auto n = static_cast<std::size_t>(classes);
  std::vector<ClassCounts> all(n);
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const std::size_t t = truth[i], p = predicted[i];
    if (truth[i] == ignore) continue;
    require(t < n, "label value {} is neither a class (0..{}) nor the ignore value {}", t, n - 1, ignore);
    ++all[t].truth;
    if (p >= n) continue;
    ++all[p].predicted;
    if (p == t) ++all[t].hit;
  }
  PictureCounts out;
  for (std::size_t c = 0; c < n; ++c) {
    ClassCounts& counts = all[c];
    if (counts.truth == 0 && counts.predicted == 0) continue;
    counts.class_index = static_cast<int>(c);
    counts.boundary_truth = boundary.truth[c], counts.boundary_predicted = boundary.predicted[c];
    counts.boundary_hit = boundary.both[c];
    out.push_back(counts);
  }
  return out;
}

MeanIou mean_iou(std::span<const PictureCounts> pictures, int classes, std::span<const int> only) {
  Totals totals(classes);
  for (const PictureCounts& picture : pictures) totals.add(picture);
  return totals.mean(only);
}

std::vector<Spread> bootstrap(std::span<const std::vector<PictureCounts>> techniques, int classes,
                              int resamples, std::uint64_t seed) {
  require(!techniques.empty() && !techniques.front().empty(), "bootstrap: no pictures");
  const std::size_t pictures = techniques.front().size();
  for (const auto& one : techniques)
    require(one.size() == pictures, "bootstrap: {} pictures of one technique and {} of another", pictures,
            one.size());
  enum Draw { kMiou, kBoundary, kGain, kBoundaryGain, kDraws };
  std::vector<std::array<std::vector<double>, kDraws>> draws(techniques.size());
  Rng rng(seed);
  std::vector<std::size_t> chosen(pictures);
  for (int r = 0; r < resamples; ++r) {
    for (std::size_t& i : chosen) i = static_cast<std::size_t>(rng.below(static_cast<int>(pictures)));
    MeanIou first;
    for (std::size_t t = 0; t < techniques.size(); ++t) {
      Totals totals(classes);
      for (const std::size_t i : chosen) totals.add(techniques[t][i]);
      const MeanIou mean = totals.mean({});
      if (t == 0) first = mean;
      draws[t][kMiou].push_back(mean.all), draws[t][kBoundary].push_back(mean.boundary);
      draws[t][kGain].push_back(mean.all - first.all);
      draws[t][kBoundaryGain].push_back(mean.boundary - first.boundary);
    }
  }
  std::vector<Spread> out;
  const MeanIou first = mean_iou(techniques.front(), classes);
  for (std::size_t t = 0; t < techniques.size(); ++t) {
    const MeanIou mean = mean_iou(techniques[t], classes);
    out.push_back({interval(mean.all, draws[t][kMiou]), interval(mean.boundary, draws[t][kBoundary]),
                   interval(mean.all - first.all, draws[t][kGain]),
                   interval(mean.boundary - first.boundary, draws[t][kBoundaryGain])});
  }
  return out;
}

}  // namespace san
