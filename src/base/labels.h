#pragma once
#include <cstdint>

namespace san {

/// The label of a pixel without a class, in 16-bit label maps.
inline constexpr std::uint16_t kNoLabel = 65535;
/// Labels below it number the classes.
inline constexpr int kMaxClasses = kNoLabel;

}  // namespace san
