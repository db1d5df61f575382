#include "image/preprocess.h"

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

Preprocessed preprocess(const Image& image, int multiple, ThreadPool* pool) {
  Preprocessed result;
  preprocess(image, multiple, pool, result);
  return result;
}

void preprocess(const Image& image, int multiple, ThreadPool* pool, Preprocessed& result) {
  require(image.height > 0 && image.width > 0, "preprocess: the image is empty ({}x{})", image.height,
          image.width);
  require(multiple > 0, "preprocess: cannot pad to multiples of {}", multiple);
  const auto padded = [multiple](int length) { return (length + multiple - 1) / multiple * multiple; };
  result.height = padded(image.height), result.width = padded(image.width);
  result.content_height = image.height, result.content_width = image.width;
  const auto row_values = static_cast<std::size_t>(result.width) * 3;
  result.values.assign(static_cast<std::size_t>(result.height) * row_values, 0.0f);

  const NormalisedValues& table = normalised_values();
  const auto rows = [&](std::int64_t begin, std::int64_t end) {
    for (auto y = static_cast<int>(begin); y < end; ++y) {
      const std::uint8_t* in = image.row(y);
      float* out = result.values.data() + static_cast<std::size_t>(y) * row_values;
      for (int x = 0; x < image.width; ++x, in += 3, out += 3)
        for (std::size_t c = 0; c < 3; ++c) out[c] = table[c][in[c]];
    }
  };
  if (pool)
    pool->parallel_for(image.height, 32, rows);
  else
    rows(0, image.height);
}

}  // namespace san
