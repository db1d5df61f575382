#pragma once
#include <array>
#include <cstdint>

namespace san {

using Rgb = std::array<std::uint8_t, 3>;

/// The colour of "other": a grey no class gets.
constexpr Rgb kOtherColor{112, 112, 112};

}  // namespace san
