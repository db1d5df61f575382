#include "labels/mask_logits.h"

#include "labels/axis_weights.h"

namespace san {

std::vector<float> resized_mask_logits(const HeadView& v, int height, int width) {
  const AxisWeights rows = AxisWeights::compose(v.grid_height, v.padded_height, v.content_height, height);
  const AxisWeights columns =
      AxisWeights::compose(v.grid_width, v.padded_width, v.content_width, width, v.mirrored);
  std::vector<float> out;
  out.reserve(static_cast<std::size_t>(v.queries) * static_cast<std::size_t>(height) *
              static_cast<std::size_t>(width));
  for (int q = 0; q < v.queries; ++q) {
    const float* grid = v.mask_logits.data() + static_cast<std::ptrdiff_t>(q) * v.grid_height * v.grid_width;
    for (const auto& row : rows.taps)
      for (const auto& column : columns.taps) {
        float sum = 0;
        for (std::size_t i = 0; i < static_cast<std::size_t>(row.count); ++i)
          for (std::size_t j = 0; j < static_cast<std::size_t>(column.count); ++j)
            sum += row.weight[i] * column.weight[j] * grid[row.index[i] * v.grid_width + column.index[j]];
        out.push_back(sum);
      }
  }
  return out;
}

}  // namespace san
