#pragma once
#include <cstddef>

namespace san {

/// What a checkpoint of any format may have.
inline constexpr std::size_t kMaxTensors = 100'000;  ///< a ReaderLimit
inline constexpr std::size_t kMaxNameBytes = 4096;

}  // namespace san
