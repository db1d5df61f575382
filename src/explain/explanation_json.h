#pragma once
#include <span>
#include <string>

#include "explain/explanation.h"
#include "san/colors.hpp"
#include "san/explain.hpp"

namespace san {

/// What an explanation's data say beside it. Borrows.
struct ExplanationInfo {
  std::string image, model;     ///< as the user named them
  std::span<const Rgb> colors;  ///< one per class
};

/// One JSON object, for src/explain/view/explain.js: sizes, names, the picture as a JPEG of at most 768
/// pixels, and the stages' numbers in base 64: float32 where sums are formed from them (masks, probabilities,
/// shares), else bytes with the range that 0 … 255 stands for. Little endian.
std::string explanation_json(const Explanation& explanation, const Image& picture,
                             const ExplanationInfo& info);

}  // namespace san
