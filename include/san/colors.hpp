#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "san/error.hpp"

namespace san {

using Rgb = std::array<std::uint8_t, 3>;

/// The colour of "other": a grey no class gets.
constexpr Rgb kOtherColor{112, 112, 112};

/// `count` colours, all different, the same on every run and machine; the first n do not depend on how many
/// follow. Each is as far as possible from those before it, for eyes with and without red-green deficiency:
/// the first twenty are easily told apart.
SAN_API std::vector<Rgb> distinct_colors(std::size_t count);

}  // namespace san
