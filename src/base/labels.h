#pragma once
#include "san/image.hpp"

namespace san {

/// Labels below it number the classes: as many as have a colour of their own among those of 24 bits, twice
/// over.
inline constexpr int kMaxClasses = 1 << 23;
/// What label files of 16 bits say where no class is known.
inline constexpr Label kNoLabel16 = 65535;

}  // namespace san
