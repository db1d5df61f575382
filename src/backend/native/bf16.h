#pragma once
#include <cstdint>
#include <vector>

namespace san::native {

/// How pairs of bfloat16 are multiplied. Sums are float32 in all, added up in different orders.
enum class Bf16Form : std::uint8_t {
  kAmx,        ///< by matrix registers
  kDots,       ///< by one instruction a vector: AVX-512 BF16
  kFloats,     ///< as floats, which is right and slow
  kPlainTiles  ///< as kAmx does it, by vectors of floats: for tests on any machine
};
/// What this machine has, the fastest first; the last two are always among them.
std::vector<Bf16Form> bf16_forms();
/// Whether an instruction multiplies them on this processor.
bool bf16_is_multiplied();

/// Pairs of 16-bit numbers in a row of `depth` values; the last of an odd number has a zero beside it.
constexpr std::int64_t row_pairs(std::int64_t depth) {
  return (depth + 1) / 2;
}

/// Rows [begin, end) of x, rounded to bfloat16 (nearest, ties to even), into dense rows of pairs, a pair in
/// each float of `to`. What is no number stays none.
void round_to_bf16(const float* x, std::int64_t stride, std::int64_t depth, float* to, std::int64_t begin,
                   std::int64_t end);

}  // namespace san::native
