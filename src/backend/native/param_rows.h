#pragma once
#include <cstddef>
#include <cstdint>

#include "backend/types.h"

namespace san::native {

/// A parameter's selected rows, a few at a time: where they lie, or in memory of the calling thread, which
/// its next call uses again. What is in a file so goes through the nearest cache to where it is packed, on
/// all threads, and never lies in memory twice.
class ParamRows {
 public:
  explicit ParamRows(const Param& param) : param_(param) {}
  /// In their own type.
  const std::byte* stored(std::int64_t begin, std::int64_t end) const;
  const float* floats(std::int64_t begin, std::int64_t end) const;

 private:
  const Param& param_;
};

}  // namespace san::native
