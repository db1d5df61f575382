#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "eval/evaluation.h"
#include "san/image.hpp"

namespace san {

using Palette = std::vector<std::array<std::uint8_t, 3>>;

/// `classes` well separated colours, the same ones in every run.
Palette distinct_colours(int classes);

/// The three pictures of an example, at most 360 pixels wide or high. Labels without a colour leave the
/// picture dark.
Example make_example(const ImageScore& score, const Image& picture, const LabelMap& truth,
                     const LabelMap& prediction, const Palette& palette);

}  // namespace san
