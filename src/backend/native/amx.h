#pragma once

#include <cstdint>

namespace san::native {

/// Rows of a matrix register, and lanes of a row.
constexpr int kTileSide = 16;
constexpr std::int64_t whole_tiles(std::int64_t count) {
  return (count + kTileSide - 1) / kTileSide * kTileSide;
}

/// Whether this process may use matrix registers (AMX) for bytes and bfloat16: the processor has them, the
/// system saves them, and Linux, which wants to be asked, agrees. Asks once, in the first call.
bool amx_is_usable();

}  // namespace san::native
