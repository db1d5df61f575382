#include "bank/likelihoods.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"

namespace san {
namespace {

// Chosen on scenes that measure nothing, docs/accuracy.md: the share of T that S is drawn towards, and by how
// many examples' weight.
constexpr double kPriorShare = 0.3, kPriorExamples = 200;
// A class that fewer pictures show looks like these, within a third of S; measured, docs/accuracy.md.
constexpr std::int64_t kFewPictures = 5;
constexpr double kNear = 1.0 / 3;

std::vector<double> widths(const ExampleBank& bank) {
  std::vector<double> out;
  for (const std::int64_t n : bank.pictures_of_classes())
    out.push_back(n >= kFewPictures || n == 0 ? 0 : kNear * (1 + 1 / static_cast<double>(n)));
  return out;
}

std::vector<double> all_regions(const ExampleBank& bank) {
  return {bank.covariance.begin(), bank.covariance.end()};
}

/// S: lower triangle alone is set.
std::vector<double> within_classes(const ExampleBank& bank, const std::vector<std::vector<double>>& sums,
                                   const std::vector<double>& counts) {
  const auto dim = static_cast<std::size_t>(bank.dim);
  std::vector<double> s = all_regions(bank);
  for (double& v : s) v *= kPriorShare * kPriorExamples;
  std::vector<double> apart(dim);
  double weight = kPriorExamples;
  for (std::size_t i = 0; i < bank.class_of.size(); ++i) {
    const auto c = static_cast<std::size_t>(bank.class_of[i]);
    const double share = static_cast<double>(bank.shares[i]);
    weight += share;
    for (std::size_t d = 0; d < dim; ++d)
      apart[d] = static_cast<double>(bank.examples[i * dim + d] - bank.mean[d]) - sums[c][d] / counts[c];
    for (std::size_t a = 0; a < dim; ++a) {
      const double scaled = share * apart[a];
      double* row = &s[a * dim];
      for (std::size_t b = 0; b <= a; ++b) row[b] += scaled * apart[b];
    }
  }
  weight -= static_cast<double>(
      std::ranges::count_if(counts, [](double n) { return n > 0; }));  // means were fitted
  for (double& v : s) v /= std::max(weight, kPriorExamples);
  return s;
}

std::vector<double> counts_of(const ExampleBank& bank) {
  std::vector<double> counts(bank.classes.size());
  for (std::size_t i = 0; i < bank.class_of.size(); ++i)
    counts[static_cast<std::size_t>(bank.class_of[i])] += static_cast<double>(bank.shares[i]);
  return counts;
}

std::vector<std::vector<double>> sums_of(const ExampleBank& bank) {
  const auto dim = static_cast<std::size_t>(bank.dim);
  std::vector<std::vector<double>> sums(bank.classes.size(), std::vector<double>(dim));
  for (std::size_t i = 0; i < bank.class_of.size(); ++i)
    for (std::size_t d = 0; d < dim; ++d)
      sums[static_cast<std::size_t>(bank.class_of[i])][d] +=
          static_cast<double>(bank.shares[i]) *
          static_cast<double>(bank.examples[i * dim + d] - bank.mean[d]);
  return sums;
}

}  // namespace

ClassLikelihoods::ClassLikelihoods(const ExampleBank& bank)
    : dim_(static_cast<std::size_t>(bank.dim)),
      width_(widths(bank)),
      center_(bank.mean.begin(), bank.mean.end()),
      counts_(counts_of(bank)),
      sums_(sums_of(bank)),
      within_(ridged_factor(within_classes(bank, sums_, counts_), dim_)),
      all_(ridged_factor(all_regions(bank), dim_)),
      constant_((all_.log_determinant() - within_.log_determinant()) / 2) {
  for (std::size_t c = 0; c < classes(); ++c) lines_.push_back(line(sums_[c], counts_[c]));
}

ClassLikelihoods::Line ClassLikelihoods::line(std::span<const double> sum, double count) const {
  if (count < 1e-6) return {};
  Line out(sum.begin(), sum.end());
  for (double& v : out) v /= count;
  const std::vector<double> mean(out);
  within_.solve(out);
  out.push_back(constant_ - std::inner_product(mean.begin(), mean.end(), out.begin(), 0.0) / 2);
  return out;
}

double ClassLikelihoods::ratios(std::span<const float> embedding, const std::vector<Line>& lines,
                                std::span<double> out) const {
  std::vector<double> z(dim_);
  for (std::size_t d = 0; d < dim_; ++d) z[d] = static_cast<double>(embedding[d]) - center_[d];
  const auto square = [&](const Cholesky& covariance) {
    std::vector<double> y(z);
    covariance.forward(y);
    return std::inner_product(y.begin(), y.end(), y.begin(), 0.0);
  };
  const double distance = square(all_), within = square(within_);
  for (std::size_t c = 0; c < lines.size(); ++c) {
    out[c] = 0;
    if (lines[c].empty()) continue;
    const double linear = std::inner_product(z.begin(), z.end(), lines[c].begin(), lines[c][dim_]);
    out[c] = width_[c] > 0 ? few(linear, distance, within, c) : linear + (distance - within) / 2;
  }
  return distance;
}

/// `linear`: the part of the ratio that the class's line gives. From it the squared distance to the class's
/// mean, which is divided by how wide the class is.
double ClassLikelihoods::few(double linear, double all, double within, std::size_t c) const {
  const double to_class = within - 2 * (linear - constant_);
  const double wide = static_cast<double>(dim_) * std::log(width_[c]);
  return std::max(0.0, constant_ + (all - to_class / width_[c] - wide) / 2);
}

ClassLikelihoods::Without::Without(const ClassLikelihoods& all, const ExampleBank& bank,
                                   std::span<const std::size_t> examples)
    : all_(all), lines_(all.lines_) {
  std::vector<std::size_t> touched;
  for (const std::size_t i : examples) touched.push_back(static_cast<std::size_t>(bank.class_of[i]));
  std::ranges::sort(touched);
  touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
  for (const std::size_t c : touched) {
    std::vector<double> sum = all.sums_[c];
    double count = all.counts_[c];
    for (const std::size_t i : examples) {
      if (static_cast<std::size_t>(bank.class_of[i]) != c) continue;
      count -= static_cast<double>(bank.shares[i]);
      for (std::size_t d = 0; d < sum.size(); ++d)
        sum[d] -= static_cast<double>(bank.shares[i]) *
                  static_cast<double>(bank.examples[i * sum.size() + d] - bank.mean[d]);
    }
    lines_[c] = all.line(sum, count < 1e-3 ? 0 : count);
  }
}

}  // namespace san
