#pragma once

#include <optional>
#include <string>
#include <vector>

namespace san {

/// A published result on one of the shipped datasets' validation splits, in percent; see configs/published.
struct PublishedResult {
  std::string model, source;
  double miou = 0, fwiou = 0, macc = 0, pacc = 0;
  std::vector<std::optional<double>> class_iou;  ///< [classes]; absent where the class has no true pixel
};

/// Empty for datasets nothing was published on.
std::vector<PublishedResult> published_results(const std::string& dataset, int classes);

}  // namespace san
