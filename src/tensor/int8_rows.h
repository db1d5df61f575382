#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tensor/shape.h"

namespace san {

/// A matrix as signed bytes with one scale a row: value = scales[row] · values[row, column], integers in
/// [−127, 127]. Of what came out of it the same comes out again: integers equal, scales to one rounding.
struct Int8Rows {
  std::int64_t rows = 0, columns = 0;
  std::vector<std::int8_t> values;
  std::vector<float> scales;

  std::vector<float> dequantized() const;
};

/// Row by row: the scale maps the largest magnitude to 127, values are rounded to nearest, ties to even. A
/// row of zeros has scale 0. Throws Error when a value is not finite.
Int8Rows quantize_rows(std::span<const float> values, std::int64_t rows, std::int64_t columns);

/// One row into `to`; returns its scale, or no number when a value is not finite.
float quantize_row(std::span<const float> row, std::int8_t* to);

}  // namespace san
