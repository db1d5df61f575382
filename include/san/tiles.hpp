#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "san/image.hpp"

namespace san {

/// A picture that need not be in memory.
struct PictureParts {
  int height = 0, width = 0;
  /// Puts the rectangle of `part_height` × `part_width` pixels at (y, x) into `into`, whose memory is used
  /// again. Called by the thread that segments, tile by tile, rows of tiles from top to bottom. What it
  /// throws ends the work and reaches the caller.
  std::function<void(int y, int x, int part_height, int part_width, Image& into)> read;
};

/// What was found in some rows of a picture, in its full width.
struct LabelRows {
  int y = 0;  ///< of the first row
  LabelMap labels;
  std::vector<std::int64_t> areas;  ///< as in a Segmentation, of these rows
  std::vector<float> label_scores;  ///< [rows, width]; empty unless asked for
};

}  // namespace san
