#include <algorithm>
#include <cmath>
#include <limits>

#include "labels/segmentation_head.h"

namespace san {
namespace {

/// Denormal numbers are slow, and a class this improbable cannot win.
float without_denormals(double p) {
  return p < std::numeric_limits<float>::min() ? 0.0f : static_cast<float>(p);
}

}  // namespace

std::vector<float> class_probabilities(std::span<const float> class_logits, int queries,
                                       const HeadOptions& options) {
  const auto classes = static_cast<std::size_t>(options.classes);
  const std::size_t rows = options.row_class.empty() ? classes : options.row_class.size();
  std::vector<float> result(static_cast<std::size_t>(queries) * (classes + 1));
  std::vector<float> logits(classes + 1);
  std::vector<double> powers(classes + 1);
  for (std::size_t q = 0; q < static_cast<std::size_t>(queries); ++q) {
    const auto in = class_logits.subspan(q * (rows + 1), rows + 1);
    std::fill(logits.begin(), logits.end(), std::numeric_limits<float>::lowest());
    for (std::size_t r = 0; r < rows; ++r) {
      const std::size_t k = options.row_class.empty() ? r : static_cast<std::size_t>(options.row_class[r]);
      logits[k] = std::max(logits[k], in[r]);
    }
    logits.back() = in.back();
    const double largest = *std::max_element(logits.begin(), logits.end());
    double sum = 0.0;
    for (std::size_t k = 0; k <= classes; ++k) sum += powers[k] = std::exp(logits[k] - largest);
    for (std::size_t k = 0; k <= classes; ++k)
      result[q * (classes + 1) + k] = without_denormals(powers[k] / sum);
  }
  return result;
}

}  // namespace san
