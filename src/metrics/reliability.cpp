#include "metrics/reliability.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"

namespace san {

void Reliability::add(std::span<const float> scores, std::span<const Label> predicted,
                      std::span<const Label> truth, int classes, Label ignore) {
  require(scores.size() == truth.size() && predicted.size() == truth.size(),
          "reliability: {} scores and {} labels of {} pixels", scores.size(), predicted.size(), truth.size());
  for (std::size_t i = 0; i < truth.size(); ++i) {
    if (truth[i] == ignore || predicted[i] >= static_cast<Label>(classes)) continue;
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
  return expected_error(ScoreCurve{});
}

std::optional<double> Reliability::expected_error(const ScoreCurve& curve) const {
  const auto pixels = static_cast<double>(total().pixels);
  if (pixels == 0) return {};
  double sum = 0;
  for (const Bin& bin : bins)
    if (bin.pixels > 0)
      sum += static_cast<double>(bin.pixels) / pixels *
             std::abs(bin.accuracy() - curve.probability(bin.mean_score()));
  return sum;
}

namespace {

/// Sum of −log P of whether labels are right, by a curve; P is kept from being 0.
double surprise(const Reliability& r, const ScoreCurve& curve) {
  constexpr double kSure = 1e-6;
  double sum = 0;
  for (const Reliability::Bin& bin : r.bins) {
    if (bin.pixels == 0) continue;
    const double p = std::clamp(curve.probability(bin.mean_score()), kSure, 1 - kSure);
    sum -= static_cast<double>(bin.right) * std::log(p) +
           static_cast<double>(bin.pixels - bin.right) * std::log(1 - p);
  }
  return sum;
}

}  // namespace

ScoreCurve fit_curve(const Reliability& r) {
  const auto filled = std::ranges::count_if(r.bins, [](const auto& bin) { return bin.pixels > 0; });
  require(filled >= 2 && r.total().right > 0,
          "calibration: {} labels, of which {} are right, have scores in {} of {} bins; expected right ones "
          "and at least two bins: score more pictures",
          r.total().pixels, r.total().right, filled, Reliability::kBins);
  // Grids over a and log b, each finer than the one before and around its best.
  constexpr int kSteps = 40, kRounds = 8, kAround = 2;
  double a_low = 0.01, a_high = 1, b_low = std::log(0.05), b_high = std::log(ScoreCurve::kSteepest);
  ScoreCurve best;
  double least = std::numeric_limits<double>::infinity();
  for (int round = 0; round < kRounds; ++round) {
    const double a_step = (a_high - a_low) / kSteps, b_step = (b_high - b_low) / kSteps;
    for (int i = 0; i <= kSteps; ++i)
      for (int j = 0; j <= kSteps; ++j) {
        const ScoreCurve curve{std::clamp(a_low + i * a_step, 1e-3, 1.0),
                               std::min(std::exp(b_low + j * b_step), ScoreCurve::kSteepest)};
        if (const double sum = surprise(r, curve); sum < least) least = sum, best = curve;
      }
    a_low = best.a - kAround * a_step, a_high = best.a + kAround * a_step;
    b_low = std::log(best.b) - kAround * b_step, b_high = std::log(best.b) + kAround * b_step;
  }
  const auto rounded = [](double v) { return std::round(v * 1e4) / 1e4; };
  return {rounded(best.a), rounded(best.b)};
}

}  // namespace san
