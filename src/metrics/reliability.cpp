#include "metrics/reliability.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace san {

void Reliability::add(std::span<const float> scores, std::span<const std::uint16_t> predicted,
                      std::span<const std::uint16_t> truth, int classes, int ignore) {
  require(scores.size() == truth.size() && predicted.size() == truth.size(),
          "reliability: {} scores and {} labels of {} pixels", scores.size(), predicted.size(), truth.size());
  for (std::size_t i = 0; i < truth.size(); ++i) {
    if (truth[i] == ignore || predicted[i] >= classes) continue;
    require(std::isfinite(scores[i]) && scores[i] >= 0, "reliability: a score of {}; expected 0 to 1",
            scores[i]);
    const double score = std::min(1.0, static_cast<double>(scores[i]));
    Bin& bin = bins[static_cast<std::size_t>(std::min(kBins - 1, static_cast<int>(score * kBins)))];
    ++bin.pixels;
    bin.right += predicted[i] == truth[i] ? 1 : 0;
    bin.score += static_cast<std::uint64_t>(std::llround(score * kScoreUnits));
  }
}

void Reliability::merge(const Reliability& other) {
  for (std::size_t b = 0; b < bins.size(); ++b) {
    bins[b].pixels += other.bins[b].pixels;
    bins[b].right += other.bins[b].right;
    bins[b].score += other.bins[b].score;
  }
}

Reliability::Bin Reliability::total() const {
  Bin sum;
  for (const Bin& bin : bins) sum.pixels += bin.pixels, sum.right += bin.right, sum.score += bin.score;
  return sum;
}

std::optional<double> Reliability::expected_error() const {
  const auto pixels = static_cast<double>(total().pixels);
  if (pixels == 0) return {};
  double sum = 0;
  for (const Bin& bin : bins)
    if (bin.pixels > 0)
      sum += static_cast<double>(bin.pixels) / pixels * std::abs(bin.accuracy() - bin.mean_score());
  return sum;
}

}  // namespace san
