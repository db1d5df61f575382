#pragma once
#include <vector>

#include "base/thread_pool.h"
#include "san/image.hpp"

namespace san {

/// The network's input: normalised RGB, [1, height·width, 3] row by row, channels last, zeros right of and
/// below the content. All lengths in pixels.
struct Preprocessed {
  int height = 0, width = 0;                  ///< padded
  int content_height = 0, content_width = 0;  ///< of the (resized) picture in the upper left corner
  std::vector<float> values;
};

/// Subtracts CLIP's mean, divides by its standard deviation (float32, values 0..255, as the official code
/// does), then pads bottom and right with zeros to multiples of `multiple`. Throws Error on an empty image.
Preprocessed preprocess(const Image& image, int multiple = 32, ThreadPool* pool = nullptr);

}  // namespace san
