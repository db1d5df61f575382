#pragma once
#include <cstddef>
#include <vector>

#include "image/color.h"

namespace san {

/// `count` colours, all different, the same on every run and machine; the first n do not depend on how many
/// follow. Each is as far as possible from those before it, for eyes with and without red-green deficiency:
/// the first twenty are easily told apart.
std::vector<Rgb> distinct_colors(std::size_t count);

}  // namespace san
