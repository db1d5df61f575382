#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "backend/native/buffer.h"
#include "backend/native/gemm.h"
#include "base/thread_pool.h"

namespace san::native {

/// How integers are multiplied. Sums are the same in all of them, to the last bit.
enum class Int8Form : std::uint8_t {
  kPairs,          ///< two int16 products a lane: x86 from SSSE3 on
  kQuads,          ///< four int8 products a lane by one instruction: VNNI, NEON's sdot
  kPortableQuads,  ///< its definition in plain vector code, for any machine
  kAmx,            ///< four int8 products a lane by matrix registers
  kPlainTiles      ///< as kAmx does it, in plain vector code: for tests on any machine
};
/// What this machine has, the fastest first; the plain ones are always among them.
std::vector<Int8Form> int8_forms();
/// Whether int8 products are faster than those of float32 here.
bool int8_is_faster();

/// Depths that lie side by side in a lane, and bytes of an activation.
constexpr std::int64_t int8_group(Int8Form form) {
  return form == Int8Form::kPairs ? 2 : 4;
}
constexpr std::int64_t int8_activation_bytes(Int8Form form) {
  return form == Int8Form::kPairs ? 2 : 1;
}
constexpr std::int64_t int8_padded_depth(std::int64_t depth, Int8Form form) {
  return (depth + int8_group(form) - 1) / int8_group(form) * int8_group(form);
}

/// A linear layer's weight [out, in] as signed bytes with a scale per output, in panels of a few vectors of
/// outputs, each panel depth-major in groups of 2 or 4, as the form wants them.
struct PackedInt8 {
  std::int64_t depth = 0, columns = 0, panel = 0;
  Int8Form form = Int8Form::kPortableQuads;
  BufferPtr values;                ///< bytes
  std::vector<float> scales;       ///< per column, zero in the padding
  std::vector<std::int32_t> sums;  ///< of each column's integers

  std::int64_t panels() const { return (columns + panel - 1) / panel; }
};

/// Longest depth whose sums int32 holds: 255 · 127 a product.
constexpr std::int64_t kInt8MaxDepth = 65536;

/// Memory that its values take, in floats.
std::int64_t int8_packed_floats(std::int64_t depth, std::int64_t columns, Int8Form form);
/// With scales and sums of zero. Throws Error when it is too deep.
PackedInt8 make_packed_int8(std::int64_t depth, std::int64_t columns, Int8Form form, BufferPtr values);
/// Fills panels [panel_begin, panel_end), their scales apart. `rows`: where the first column of the first of
/// them begins, as a row of bytes.
void pack_int8(const std::int8_t* rows, PackedInt8& packed, std::int64_t panel_begin, std::int64_t panel_end);

/// Rows of activations as bytes, each with its own scale and zero point: x = scale · (q − zero), q in
/// [0, 255]. In memory they are what the form multiplies.
struct Int8Activations {
  std::byte* values = nullptr;
  std::int64_t stride = 0;        ///< bytes between rows
  float* scales = nullptr;        ///< per row; no number where the row had none
  std::int32_t* zeros = nullptr;  ///< what is left to subtract, times the columns' sums
};
/// Floats of memory that `rows` quantised rows take.
std::int64_t int8_activation_floats(std::int64_t rows, std::int64_t depth, Int8Form form);
/// Where they lie in such memory.
Int8Activations int8_activations(float* memory, std::int64_t rows, std::int64_t depth, Int8Form form);
/// Rows [begin, end) of x into `to`, which int8_activations() gave.
void quantize_activations(const float* x, std::int64_t stride, std::int64_t depth, Int8Form form,
                          const Int8Activations& to, std::int64_t begin, std::int64_t end);

/// c = activation(a · b + bias) + residual over `rows` rows.
struct Int8Gemm : GemmEnds {
  Int8Activations a;
  std::int64_t rows = 0;
  const PackedInt8* b = nullptr;
};
/// The part [row_begin, row_end) × panels [panel_begin, panel_end) on the calling thread.
void int8_gemm_part(const Int8Gemm& g, std::int64_t row_begin, std::int64_t row_end, std::int64_t panel_begin,
                    std::int64_t panel_end);
/// All of it, on all threads of the pool.
void int8_gemm(const Int8Gemm& g, ThreadPool& pool);

}  // namespace san::native
