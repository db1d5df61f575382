#pragma once

#include <span>

#include "eval/evaluation.h"
#include "san/colors.hpp"
#include "san/image.hpp"

namespace san {

/// The three pictures of an example, at most 360 pixels wide or high. Labels without a colour leave the
/// picture dark.
Example make_example(const ImageScore& score, const Image& picture, const LabelMap& truth,
                     const LabelMap& prediction, std::span<const Rgb> palette);

}  // namespace san
