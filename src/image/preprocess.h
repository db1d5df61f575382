#pragma once
#include <array>
#include <vector>

#include "base/thread_pool.h"
#include "san/image.hpp"

namespace san {

/// CLIP's normalisation, per channel of RGB values in [0, 1].
inline constexpr std::array kClipMean{0.48145466, 0.4578275, 0.40821073},
    kClipDeviation{0.26862954, 0.26130258, 0.27577711};
/// The 8 bit colour nearest to kClipMean: what is painted with it says nothing to CLIP.
std::array<std::uint8_t, 3> clip_mean_color();

/// The network's input: normalised RGB, [1, height·width, 3] row by row, channels last, zeros right of and
/// below the content. All lengths in pixels.
struct Preprocessed {
  int height = 0, width = 0;                  ///< padded
  int content_height = 0, content_width = 0;  ///< of the (resized) picture in the upper left corner
  std::vector<float> values;
  double ms = 0;  ///< what making it took, where somebody measured
};

/// Subtracts CLIP's mean, divides by its standard deviation (float32, values 0..255, as the official code
/// does), then pads bottom and right with zeros to multiples of `multiple`. Throws Error on an empty image.
Preprocessed preprocess(const Image& image, int multiple = 32, ThreadPool* pool = nullptr);
/// The same into a result of before, whose memory is used again.
void preprocess(const Image& image, int multiple, ThreadPool* pool, Preprocessed& result);

}  // namespace san
