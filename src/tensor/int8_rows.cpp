#include "tensor/int8_rows.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/error.h"

namespace san {

float quantize_row(std::span<const float> row, std::int8_t* to) {
  constexpr float kLargest = 127;
  // The bits of a magnitude order as it does, and those of infinities and of what is no number come last.
  std::uint32_t bits = 0;
  for (const float v : row) bits = std::max(bits, std::bit_cast<std::uint32_t>(v) & 0x7fffffffu);
  const float magnitude = std::bit_cast<float>(bits);
  if (!std::isfinite(magnitude)) return std::numeric_limits<float>::quiet_NaN();
  // Below this 127 / magnitude is no longer finite, and such a row is zero to any sum.
  if (magnitude < 1e-36f) {
    std::fill_n(to, row.size(), std::int8_t{0});
    return 0;
  }
  const float steps = kLargest / magnitude;
  // Adding 1.5·2^23 rounds to the nearest integer and leaves it in the low bits.
  constexpr float kMagic = 12582912.0f;
  for (std::size_t i = 0; i < row.size(); ++i)
    to[i] = static_cast<std::int8_t>(std::bit_cast<std::uint32_t>(row[i] * steps + kMagic) -
                                     std::bit_cast<std::uint32_t>(kMagic));
  return magnitude / kLargest;
}

Int8Rows quantize_rows(std::span<const float> values, std::int64_t rows, std::int64_t columns) {
  require(rows >= 0 && columns >= 0 && rows * columns == static_cast<std::int64_t>(values.size()),
          "int8: {} × {} values expected, got {}", rows, columns, values.size());
  Int8Rows q{rows, columns, std::vector<std::int8_t>(values.size()),
             std::vector<float>(static_cast<std::size_t>(rows))};
  const auto width = static_cast<std::size_t>(columns);
  for (std::size_t r = 0; r < q.scales.size(); ++r) {
    q.scales[r] = quantize_row(values.subspan(r * width, width), q.values.data() + r * width);
    require(!std::isnan(q.scales[r]), "int8: row {} has a value that is not finite", r);
  }
  return q;
}

std::vector<float> Int8Rows::dequantized() const {
  std::vector<float> out(values.size());
  const auto width = static_cast<std::size_t>(columns);
  for (std::size_t r = 0; r < scales.size(); ++r)
    for (std::size_t c = 0; c < width; ++c)
      out[r * width + c] = scales[r] * static_cast<float>(values[r * width + c]);
  return out;
}

}  // namespace san
