#pragma once
#include <array>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "san/image.hpp"

namespace san {

/// CLIP's normalisation, per channel of RGB values in [0, 1].
inline constexpr std::array kClipMean{0.48145466, 0.4578275, 0.40821073},
    kClipDeviation{0.26862954, 0.26130258, 0.27577711};
/// The 8 bit colour nearest to kClipMean: what is painted with it says nothing to CLIP.
std::array<std::uint8_t, 3> clip_mean_color();

/// Where a (resized) picture lies in a network's input: in the upper left corner. All lengths in pixels.
struct Placement {
  int height = 0, width = 0;  ///< padded
  int content_height = 0, content_width = 0;
};
/// Padded bottom and right to multiples of `multiple`. Throws Error on an empty image.
Placement placement(const Image& image, int multiple = 32);

/// A network's input: normalised RGB, [1, height·width, 3] row by row, channels last. Subtracts CLIP's mean
/// and divides by its standard deviation (float32, values 0..255, as the official code does); zeros right of
/// and below the content. `values`: height · width · 3 of them, all are written.
void preprocess(const Image& image, const Placement& place, std::span<float> values,
                ThreadPool* pool = nullptr);

/// The same in memory of its own.
struct Preprocessed : Placement {
  std::vector<float> values;
};
Preprocessed preprocess(const Image& image, int multiple = 32, ThreadPool* pool = nullptr);

}  // namespace san
