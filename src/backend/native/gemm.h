#pragma once
#include <cstdint>
#include <memory>

#include "backend/native/buffer.h"
#include "backend/types.h"
#include "base/thread_pool.h"

namespace san::native {

/// A [depth, columns] matrix in panels of a few vectors of columns, each panel depth-major, in the layout of
/// the instruction set it was packed for.
struct PackedMatrix {
  std::int64_t depth = 0, columns = 0, panel = 0;
  BufferPtr values;

  std::int64_t panels() const { return (columns + panel - 1) / panel; }
};

/// Columns of a panel on this machine.
std::int64_t panel_columns();

/// `row_stride`, `column_stride`: distance between neighbours along depth and along columns, in floats.
void pack_matrix(const float* source, std::int64_t row_stride, std::int64_t column_stride,
                 PackedMatrix& packed, std::int64_t panel_begin, std::int64_t panel_end);
PackedMatrix make_packed(std::int64_t depth, std::int64_t columns, BufferPtr values);
std::int64_t packed_floats(std::int64_t depth, std::int64_t columns);

/// c = activation(a · b + bias) + residual over `rows` rows; strides in floats, columns adjacent.
struct Gemm {
  const float* a = nullptr;
  std::int64_t a_stride = 0, rows = 0;
  const PackedMatrix* b = nullptr;
  float* c = nullptr;
  std::int64_t c_stride = 0;
  const float* bias = nullptr;
  Activation activation = Activation::kNone;
  const float* residual = nullptr;
  std::int64_t residual_stride = 0;
};

/// The part [row_begin, row_end) × panels [panel_begin, panel_end) on the calling thread.
void gemm_part(const Gemm& g, std::int64_t row_begin, std::int64_t row_end, std::int64_t panel_begin,
               std::int64_t panel_end);
/// All of it, on all threads of the pool.
void gemm(const Gemm& g, ThreadPool& pool);

}  // namespace san::native
