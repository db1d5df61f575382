#include "image/preprocess.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace san {
namespace {

/// One entry per channel and 8 bit value: the same float32 operations as on tensors, done once.
using NormalisedValues = std::array<std::array<float, 256>, 3>;

const NormalisedValues& normalised_values() {
  static const NormalisedValues values = [] {
    NormalisedValues table;
    for (std::size_t c = 0; c < 3; ++c)
      for (std::size_t v = 0; v < 256; ++v)
        table[c][v] = (static_cast<float>(v) - static_cast<float>(kClipMean[c] * 255.0)) /
                      static_cast<float>(kClipDeviation[c] * 255.0);
    return table;
  }();
  return values;
}

}  // namespace

std::array<std::uint8_t, 3> clip_mean_color() {
  std::array<std::uint8_t, 3> color{};
  for (std::size_t c = 0; c < 3; ++c) color[c] = static_cast<std::uint8_t>(std::lround(255 * kClipMean[c]));
  return color;
}

Placement placement(const Image& image, int multiple) {
  require(image.height > 0 && image.width > 0, "preprocess: the image is empty ({}x{})", image.height,
          image.width);
  require(multiple > 0, "preprocess: cannot pad to multiples of {}", multiple);
  const auto padded = [multiple](int length) { return (length + multiple - 1) / multiple * multiple; };
  return {padded(image.height), padded(image.width), image.height, image.width};
}

void preprocess(const Image& image, const Placement& place, std::span<float> values, ThreadPool* pool) {
  const auto row_values = static_cast<std::size_t>(place.width) * 3;
  const NormalisedValues& table = normalised_values();
  const auto rows = [&](std::int64_t begin, std::int64_t end) {
    for (auto y = static_cast<int>(begin); y < end; ++y) {
      float *out = values.data() + static_cast<std::size_t>(y) * row_values, *const row_end =
                                                                                 out + row_values;
      if (y < image.height) {
        const std::uint8_t* in = image.row(y);
        for (int x = 0; x < image.width; ++x, in += 3, out += 3)
          for (std::size_t c = 0; c < 3; ++c) out[c] = table[c][in[c]];
      }
      std::fill(out, row_end, 0.0f);
    }
  };
  if (pool)
    pool->parallel_for(place.height, 32, rows);
  else
    rows(0, place.height);
}

Preprocessed preprocess(const Image& image, int multiple, ThreadPool* pool) {
  Preprocessed result{placement(image, multiple), {}};
  result.values.resize(static_cast<std::size_t>(result.height) * static_cast<std::size_t>(result.width) * 3);
  preprocess(image, result, result.values, pool);
  return result;
}

}  // namespace san
