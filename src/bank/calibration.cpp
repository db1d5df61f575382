#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "bank/builder.h"
#include "bank/likelihoods.h"

namespace san {
namespace {

constexpr std::array kWeights{0.0f, 0.025f, 0.05f, 0.1f, 0.15f, 0.2f, 0.3f, 0.4f, 0.6f, 0.8f, 1.0f};

/// −log of the softmax at `right`.
double surprise(std::span<const double> logits, std::size_t right) {
  const double most = *std::ranges::max_element(logits);
  double sum = 0;
  for (const double v : logits) sum += std::exp(v - most);
  return most + std::log(sum) - logits[right];
}

}  // namespace

float calibrate(const ExampleBank& bank, std::span<const float> word_logits) {
  const ClassLikelihoods all(bank);
  const std::size_t classes = bank.classes.size(), dim = static_cast<std::size_t>(bank.dim);
  std::vector<std::vector<std::size_t>> of_picture(static_cast<std::size_t>(bank.pictures));
  for (std::size_t i = 0; i < bank.picture_of.size(); ++i)
    of_picture[static_cast<std::size_t>(bank.picture_of[i])].push_back(i);
  std::array<double, kWeights.size()> sums{};
  std::vector<double> ratios(classes), logits(classes);
  for (const auto& examples : of_picture) {
    if (examples.empty()) continue;
    const ClassLikelihoods::Without rest(all, bank, examples);
    for (const std::size_t i : examples) {
      rest.ratios(std::span(bank.examples).subspan(i * dim, dim), ratios);
      for (std::size_t w = 0; w < kWeights.size(); ++w) {
        for (std::size_t c = 0; c < classes; ++c)
          logits[c] = static_cast<double>(word_logits[i * classes + c]) +
                      static_cast<double>(kWeights[w]) * ratios[c];
        sums[w] += static_cast<double>(bank.shares[i]) *
                   surprise(logits, static_cast<std::size_t>(bank.class_of[i]));
      }
    }
  }
  return kWeights[static_cast<std::size_t>(std::ranges::min_element(sums) - sums.begin())];
}

}  // namespace san
