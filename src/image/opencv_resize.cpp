#include "image/opencv_resize.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

#include "base/error.h"

namespace san {
namespace {

constexpr int kOne = 1 << 11;  // weights have 11 bits

/// Along one axis: output i is between inputs at[i] and at[i] + 1. What lies outside is the edge again:
/// across, the edge has all of the weight; down, it is taken twice, which rounds otherwise.
struct Axis {
  std::vector<int> at;
  std::vector<std::array<int, 2>> weights;

  Axis(int from, int to, bool across) {
    const double scale = 1.0 / (static_cast<double>(to) / from);
    for (int i = 0; i < to; ++i) {
      auto place = static_cast<float>((i + 0.5) * scale - 0.5);
      auto first = static_cast<int>(std::floor(place));
      place -= static_cast<float>(first);
      if (across && first < 0) first = 0, place = 0;
      if (across && first >= from - 1) first = from - 1, place = 0;
      at.push_back(first);
      weights.push_back(
          {static_cast<int>(std::lrint((1.0f - place) * kOne)), static_cast<int>(std::lrint(place * kOne))});
    }
  }
};

std::vector<int> narrowed(const std::uint8_t* row, int width, const Axis& x) {
  std::vector<int> out;
  out.reserve(3 * x.at.size());
  for (std::size_t i = 0; i < x.at.size(); ++i) {
    const std::uint8_t* first = row + 3 * static_cast<std::ptrdiff_t>(x.at[i]);
    const std::uint8_t* second = x.at[i] + 1 < width ? first + 3 : first;
    for (int c = 0; c < 3; ++c) out.push_back(first[c] * x.weights[i][0] + second[c] * x.weights[i][1]);
  }
  return out;
}

/// Both sides halved: the mean of four pixels.
void halve(const Image& image, Image& out) {
  for (int y = 0; y < out.height; ++y) {
    const std::uint8_t *upper = image.row(2 * y), *lower = image.row(2 * y + 1);
    std::uint8_t* to = out.row(y);
    for (int x = 0; x < out.width; ++x, upper += 6, lower += 6)
      for (int c = 0; c < 3; ++c)
        *to++ = static_cast<std::uint8_t>((upper[c] + upper[c + 3] + lower[c] + lower[c + 3] + 2) >> 2);
  }
}

}  // namespace

Image resize_as_opencv(const Image& image, int height, int width) {
  require(image.height > 0 && image.width > 0 && height > 0 && width > 0,
          "resize: cannot make {}x{} pixels from {}x{}; both need at least one pixel", height, width,
          image.height, image.width);
  Image out(height, width);
  if (image.height == 2 * height && image.width == 2 * width) {
    halve(image, out);
    return out;
  }
  const Axis x(image.width, width, true), y(image.height, height, false);
  std::array<std::vector<int>, 2> rows;
  std::array<int, 2> held{-1, -1};
  for (int i = 0; i < height; ++i) {
    const auto at = static_cast<std::size_t>(i);
    std::array<const int*, 2> lines{};
    for (std::size_t k = 0; k < 2; ++k) {
      const int line = std::clamp(y.at[at] + static_cast<int>(k), 0, image.height - 1);
      const auto place = static_cast<std::size_t>(line % 2);  // neighbours lie in different places
      if (held[place] != line) rows[place] = narrowed(image.row(line), image.width, x), held[place] = line;
      lines[k] = rows[place].data();
    }
    const auto [upper, lower] = y.weights[at];
    std::uint8_t* to = out.row(i);
    for (std::size_t p = 0; p < 3 * x.at.size(); ++p)
      to[p] = static_cast<std::uint8_t>(
          ((upper * (lines[0][p] >> 4) >> 16) + (lower * (lines[1][p] >> 4) >> 16) + 2) >> 2);
  }
  return out;
}

}  // namespace san
