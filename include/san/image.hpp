#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace san {

/// An 8 bit RGB picture: height × width × 3 values, row by row, channels together.
struct Image {
  int height = 0, width = 0;
  std::vector<std::uint8_t> rgb;

  Image() = default;
  Image(int image_height, int image_width)
      : height(image_height),
        width(image_width),
        rgb(static_cast<std::size_t>(image_height) * static_cast<std::size_t>(image_width) * 3) {}

  const std::uint8_t* row(int y) const { return rgb.data() + static_cast<std::size_t>(y) * row_bytes(); }
  std::uint8_t* row(int y) { return rgb.data() + static_cast<std::size_t>(y) * row_bytes(); }
  std::size_t row_bytes() const { return static_cast<std::size_t>(width) * 3; }
  friend bool operator==(const Image&, const Image&) = default;
};

/// A class by its place in a list, counted from 0. Of 32 bits, since a list may have more classes than 16
/// bits tell apart; below 2³¹, so that readers of signed integers see the same.
using Label = std::uint32_t;
/// Where no class is known; −1 to readers of signed integers.
inline constexpr Label kNoLabel = 0xffffffff;

/// One class index per pixel: height × width values, row by row.
struct LabelMap {
  int height = 0, width = 0;
  std::vector<Label> labels;

  LabelMap() = default;
  LabelMap(int map_height, int map_width, Label value = 0)
      : height(map_height),
        width(map_width),
        labels(static_cast<std::size_t>(map_height) * static_cast<std::size_t>(map_width), value) {}

  const Label* row(int y) const { return labels.data() + offset(y); }
  Label* row(int y) { return labels.data() + offset(y); }
  friend bool operator==(const LabelMap&, const LabelMap&) = default;

 private:
  std::size_t offset(int y) const { return static_cast<std::size_t>(y) * static_cast<std::size_t>(width); }
};

}  // namespace san
