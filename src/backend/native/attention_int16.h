#pragma once
#include <cstdint>
#include <vector>

namespace san::native {

struct Attention;
struct HeadRows;

/// How pairs of int16 are multiplied and added up in int32; the answers are the same bits.
enum class Int16Form : std::uint8_t {
  kDots,  ///< by one instruction a vector: VNNI
  kPlain  ///< by plain vector code, which is slow: for tests on any machine
};
/// What this machine has, the fastest first; the last one is always among them.
std::vector<Int16Form> int16_forms();
/// Whether one instruction multiplies them on this processor.
bool int16_is_multiplied();

/// A head's keys as integers, dense rows [keys, pairs of width]; `unit` gets what one of them is worth.
void pack_int16_keys(const float* from, std::int64_t row_stride, std::int64_t keys, std::int64_t width,
                     float* to, float* unit);
/// A head's values as integers, [pairs of keys, width]; `units` [width] gets what one is worth, by channel.
void pack_int16_values(const float* from, std::int64_t row_stride, std::int64_t keys, std::int64_t width,
                       float* to, float* units);

/// One block of queries of one head: scores from queries and keys of 16 bits, whose rounding is 2⁻¹⁶ of their
/// lengths, exponentials of 15 bits relative to the largest of up to 112 keys, and values of 12; sums of
/// those keys are exact. What is no number, or too large to be squared, makes its query, head or channel no
/// number. No bias, no keys of queries' own, nothing causal.
void attend_int16(const Attention& a, const HeadRows& rows, std::int64_t batch, std::int64_t head,
                  std::int64_t block);

}  // namespace san::native
