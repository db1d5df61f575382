#pragma once
#include <cstdint>
#include <functional>
#include <memory>

#include "backend/native/bf16.h"
#include "backend/native/buffer.h"
#include "backend/types.h"
#include "base/thread_pool.h"

namespace san::native {

/// What a packed matrix holds for each lane of float32.
enum class Lanes : std::uint8_t {
  kFloats,
  kHalves,    ///< float16, made floats when their panel is multiplied
  kBf16Pairs  ///< two bfloat16 of neighbouring depths; the other operand's rows hold such pairs too
};

/// A [depth, columns] matrix in panels of a few vectors of columns, each panel depth-major, in the layout of
/// the instruction set it was packed for.
struct PackedMatrix {
  std::int64_t depth = 0;  ///< of lanes
  std::int64_t columns = 0, panel = 0;
  Lanes lanes = Lanes::kFloats;
  BufferPtr values;
  Bf16Form form = Bf16Form::kFloats;  ///< what multiplies kBf16Pairs; the layout is the same for all

  std::int64_t panels() const { return (columns + panel - 1) / panel; }
};

/// Columns of a panel on this machine.
std::int64_t panel_columns();

/// Fills panels [panel_begin, panel_end). `source`: where the first column of the first of them begins;
/// `row_stride`, `column_stride`: distance between neighbours along depth and along columns, in values.
void pack_matrix(const float* source, std::int64_t row_stride, std::int64_t column_stride,
                 PackedMatrix& packed, std::int64_t panel_begin, std::int64_t panel_end);
/// Of the bits of float16, for a matrix of kHalves.
void pack_matrix(const std::uint16_t* source, std::int64_t row_stride, std::int64_t column_stride,
                 PackedMatrix& packed, std::int64_t panel_begin, std::int64_t panel_end);
/// A matrix of kBf16Pairs, rounded; `depth`: of values.
void pack_matrix_bf16(const float* source, std::int64_t depth, std::int64_t row_stride,
                      std::int64_t column_stride, PackedMatrix& packed, std::int64_t panel_begin,
                      std::int64_t panel_end);
/// Whether instructions make floats of float16 here, so that matrices of kHalves cost little.
bool halves_are_cheap();
/// `depth`: of values, whatever lanes hold; pairs of bfloat16 are multiplied as is fastest here.
PackedMatrix make_packed(std::int64_t depth, std::int64_t columns, BufferPtr values,
                         Lanes lanes = Lanes::kFloats);
/// Memory that its values take, in floats.
std::int64_t packed_floats(std::int64_t depth, std::int64_t columns, Lanes lanes = Lanes::kFloats);

/// What becomes of a product: c = activation(product + bias) + residual; strides in floats, columns adjacent.
struct GemmEnds {
  float* c = nullptr;
  std::int64_t c_stride = 0;
  const float* bias = nullptr;
  Activation activation = Activation::kNone;
  const float* residual = nullptr;
  std::int64_t residual_stride = 0;
};

/// c = activation(a · b + bias) + residual over `rows` rows.
struct Gemm : GemmEnds {
  const float* a = nullptr;  ///< where b holds pairs of bfloat16, such pairs: bf16.h makes them
  std::int64_t a_stride = 0, rows = 0;
  const PackedMatrix* b = nullptr;
};

/// The part [row_begin, row_end) × panels [panel_begin, panel_end) on the calling thread.
void gemm_part(const Gemm& g, std::int64_t row_begin, std::int64_t row_end, std::int64_t panel_begin,
               std::int64_t panel_end);
/// All of it, on all threads of the pool.
void gemm(const Gemm& g, ThreadPool& pool);

/// Rows of the largest tile of all, and of the largest that multiplies such lanes.
inline constexpr std::int64_t kMostTileRows = 16;
std::int64_t tile_rows(Lanes lanes);
/// Calls body(row_begin, row_end, panel_begin, panel_end) on all threads for parts of a product of `rows`
/// rows and `panels` panels: about `most_rows` rows each at most, from multiples of `step` to such; a few for
/// every thread and smaller towards the end, but none too small.
void for_each_part(std::int64_t rows, std::int64_t step, std::int64_t most_rows, std::int64_t panels,
                   std::int64_t macs_of_row_and_panel, ThreadPool& pool,
                   const std::function<void(std::int64_t, std::int64_t, std::int64_t, std::int64_t)>& body);

}  // namespace san::native
