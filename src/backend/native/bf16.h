#pragma once
#include <cstdint>

namespace san::native {

/// Whether one instruction multiplies pairs of bfloat16 on this processor (AVX-512 BF16). Where none does
/// they are multiplied as floats, which is right and slow.
bool bf16_is_multiplied();

/// Pairs of bfloat16 in a row of `depth` values; the last of an odd number has a zero beside it.
constexpr std::int64_t bf16_pairs(std::int64_t depth) {
  return (depth + 1) / 2;
}

/// Rows [begin, end) of x, rounded to bfloat16 (nearest, ties to even), into dense rows of pairs, a pair in
/// each float of `to`. What is no number stays none.
void round_to_bf16(const float* x, std::int64_t stride, std::int64_t depth, float* to, std::int64_t begin,
                   std::int64_t end);

}  // namespace san::native
