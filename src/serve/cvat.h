#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "serve/answers.h"
#include "serve/service.h"

namespace san::serve {

// CVAT's serverless functions: what it asks of Nuclio's dashboard. Every list of classes is a function, a
// detector of masks.

struct CvatFunction {
  std::string id;  ///< of [a-zA-Z0-9_.-]
  std::string description;
  std::vector<std::string> labels;
};
OrderedJson cvat_description(const CvatFunction& function, int port);

/// What CVAT sends a detector: a picture in base 64, and a threshold of the confidence.
struct CvatCall {
  std::string image;
  double threshold = 0;
};
CvatCall read_cvat_call(std::string_view body);

/// One mask per class that is there, with at least that mean score: JSON, written directly, since a mask is a
/// list of single pixels.
std::string write_cvat_masks(const Outcome& outcome, double threshold);

}  // namespace san::serve
