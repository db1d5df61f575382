#pragma once
#include <cstdint>
#include <vector>

#include "backend/native/buffer.h"
#include "base/thread_pool.h"

namespace san::native {

struct Attention;
struct HeadRows;

/// How integers are multiplied and added up in int32; the answers are the same bits.
enum class IntegerForm : std::uint8_t {
  kDots,  ///< by one instruction a vector: VNNI
  kPlain  ///< by plain vector code, which is slow: for tests on any machine
};
/// What this machine has, the fastest first; the last one is always among them.
std::vector<IntegerForm> integer_forms();
/// Whether one instruction multiplies them on this processor.
bool integers_are_multiplied();

/// fused_attention() of integers: a head whose scores and values bytes change little in bytes, any other in
/// int16.
void integer_attention(const Attention& a, BufferPool& buffers, ThreadPool& pool);

/// One head's queries, keys or values: rows of `width` channels.
struct HeadMatrix {
  const float* data = nullptr;
  std::int64_t row_stride = 0, rows = 0, width = 0;
};

/// Keys as int16, dense rows [keys, pairs of width]; `units` [1] gets what one of them is worth.
void pack_int16_keys(const HeadMatrix& keys, float* to, float* units);
/// Values as int16, [pairs of keys, width]; `units` [width] gets what one is worth, by channel.
void pack_int16_values(const HeadMatrix& values, float* to, float* units);
/// One block of queries of one head: scores from queries and keys of 16 bits, whose rounding is 2⁻¹⁶ of their
/// lengths, exponentials of 15 bits relative to the largest of up to 112 keys, and values of 12; sums of
/// those keys are exact. What is no number, or too large to be squared, makes its query, head or channel no
/// number. No bias, no keys of queries' own, nothing causal. Units: [1] of keys, [width] of values.
void attend_int16(const Attention& a, const HeadRows& rows, std::int64_t batch, std::int64_t head,
                  std::int64_t block);

/// What bytes stand for, start + step · byte, by channel: 255 steps between the least and the greatest. Where
/// keys start is the same for all of them, so that the softmax does not see it.
struct ByteSteps {
  float *steps = nullptr, *starts = nullptr;  ///< [width] each
};
/// Finds the steps of keys. How far the scores of the query that is worst off will be off, rms in powers of
/// two, estimated from the spread of the numbers; not a number where one of them is none.
float find_key_steps(const HeadMatrix& queries, const HeadMatrix& keys, const ByteSteps& found);
/// Finds the steps of values. How far these will be off, relative to their spread, rms over channels.
float find_value_steps(const HeadMatrix& values, const ByteSteps& found);
/// Keys as unsigned bytes, dense rows [keys, fours of width].
void pack_int8_keys(const HeadMatrix& keys, const ByteSteps& steps, float* to);
/// Values as signed bytes, [fours of keys, width].
void pack_int8_values(const HeadMatrix& values, const ByteSteps& steps, float* to);
/// As attend_int16() with queries of 127 steps to either side of zero, exponentials of 255 and such keys and
/// values. Units: [4][width] steps and starts of keys, then of values.
void attend_int8(const Attention& a, const HeadRows& rows, std::int64_t batch, std::int64_t head,
                 std::int64_t block);

}  // namespace san::native
