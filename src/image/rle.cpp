#include <limits>

#include "base/error.h"
#include "san/masks.hpp"

namespace san {
namespace {

/// Collects the runs of one mask.
struct Runs {
  std::vector<std::uint32_t> counts;
  std::uint32_t end = 0;  ///< of the last run of ones

  void add(std::uint32_t begin, std::uint32_t length) {
    if (!counts.empty() && begin == end) {
      counts.back() += length;
    } else {
      counts.push_back(begin - end);
      counts.push_back(length);
    }
    end = begin + length;
  }

  Rle finish(int height, int width, std::uint32_t pixels) && {
    if (end < pixels || counts.empty()) counts.push_back(pixels - end);
    return {height, width, std::move(counts)};
  }
};

std::uint32_t pixel_count(int height, int width) {
  require(height >= 0 && width >= 0 &&
              static_cast<std::int64_t>(height) * width <= std::numeric_limits<std::uint32_t>::max(),
          "RLE: cannot hold a mask of {}x{} pixels", height, width);
  return static_cast<std::uint32_t>(height) * static_cast<std::uint32_t>(width);
}

/// Calls add(begin, length, value) for each run of equal values, column by column.
template <class Value, class Add>
void for_each_run(const Value* values, int height, int width, const Add& add) {
  std::uint32_t begin = 0, position = 0;
  Value current{};
  for (int x = 0; x < width; ++x) {
    auto at = static_cast<std::size_t>(x);
    for (int y = 0; y < height; ++y, at += static_cast<std::size_t>(width), ++position) {
      if (values[at] == current && position != 0) continue;
      if (position != 0) add(begin, position - begin, current);
      current = values[at];
      begin = position;
    }
  }
  if (position != 0) add(begin, position - begin, current);
}

void check_runs(const Rle& rle) {
  const std::uint32_t pixels = pixel_count(rle.height, rle.width);
  std::uint64_t total = 0;
  for (const std::uint32_t count : rle.counts) total += count;
  require(total == pixels, "RLE: the runs cover {} pixels, but the mask has {}x{}", total, rle.width,
          rle.height);
}

/// Sets the mask's pixels of a row-major map; the runs go down its columns.
template <class Value>
void fill_runs(const Rle& rle, Value value, Value* map) {
  const auto height = static_cast<std::uint32_t>(rle.height), width = static_cast<std::uint32_t>(rle.width);
  std::uint32_t position = 0;
  for (std::size_t i = 0; i < rle.counts.size(); position += rle.counts[i], ++i) {
    if (i % 2 == 0 || rle.counts[i] == 0) continue;
    std::uint32_t y = position % height, x = position / height;
    for (std::uint32_t left = rle.counts[i]; left > 0; --left) {
      map[static_cast<std::size_t>(y) * width + x] = value;
      if (++y == height) y = 0, ++x;
    }
  }
}

}  // namespace

std::int64_t Rle::area() const {
  std::int64_t sum = 0;
  for (std::size_t i = 1; i < counts.size(); i += 2) sum += counts[i];
  return sum;
}

Rle encode_rle(std::span<const std::uint8_t> mask, int height, int width) {
  const std::uint32_t pixels = pixel_count(height, width);
  require(mask.size() == pixels, "RLE: expected {} mask values, got {}", pixels, mask.size());
  Runs runs;
  for_each_run(mask.data(), height, width,
               [&](std::uint32_t begin, std::uint32_t length, std::uint8_t value) {
                 if (value != 0) runs.add(begin, length);
               });
  return std::move(runs).finish(height, width, pixels);
}

Rle encode_rle(const LabelMap& map, Label label) {
  Runs runs;
  for_each_run(map.labels.data(), map.height, map.width,
               [&](std::uint32_t begin, std::uint32_t length, Label value) {
                 if (value == label) runs.add(begin, length);
               });
  return std::move(runs).finish(map.height, map.width, pixel_count(map.height, map.width));
}

std::map<Label, Rle> encode_rles(const LabelMap& map) {
  std::map<Label, Runs> all;
  for_each_run(
      map.labels.data(), map.height, map.width,
      [&](std::uint32_t begin, std::uint32_t length, Label value) { all[value].add(begin, length); });
  std::map<Label, Rle> result;
  for (auto& [label, runs] : all)
    result[label] = std::move(runs).finish(map.height, map.width, pixel_count(map.height, map.width));
  return result;
}

std::vector<std::uint8_t> decode_rle(const Rle& rle) {
  check_runs(rle);
  std::vector<std::uint8_t> mask(pixel_count(rle.height, rle.width));
  fill_runs(rle, std::uint8_t{1}, mask.data());
  return mask;
}

void paint_rle(const Rle& rle, Label label, LabelMap& map) {
  require(rle.height == map.height && rle.width == map.width,
          "RLE: a mask of {}x{} pixels on a picture of {}x{}", rle.width, rle.height, map.width, map.height);
  check_runs(rle);
  fill_runs(rle, label, map.labels.data());
}

// Each number is the difference to the one two before (from the fourth on), in groups of five bits, least
// significant first, a sixth bit saying that more follow, plus 48.
std::string rle_counts_to_string(std::span<const std::uint32_t> counts) {
  std::string text;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    std::int64_t value = counts[i];
    if (i > 2) value -= counts[i - 2];
    for (bool more = true; more;) {
      auto group = static_cast<int>(value & 0x1f);
      value >>= 5;
      more = value != ((group & 0x10) != 0 ? -1 : 0);
      if (more) group |= 0x20;
      text += static_cast<char>(group + 48);
    }
  }
  return text;
}

std::vector<std::uint32_t> rle_counts_from_string(std::string_view text) {
  std::vector<std::uint32_t> counts;
  for (std::size_t at = 0; at < text.size();) {
    std::int64_t value = 0;
    for (int shift = 0;; shift += 5) {
      require(at < text.size(), "RLE: the string ends within a number");
      const int group = text[at] - 48;
      require(group >= 0 && group < 64 && shift <= 30, "RLE: unexpected character at position {}", at);
      ++at;
      value |= static_cast<std::int64_t>(group & 0x1f) << shift;
      if ((group & 0x20) != 0) continue;
      if ((group & 0x10) != 0) value -= std::int64_t{1} << (shift + 5);
      break;
    }
    if (counts.size() > 2) value += counts[counts.size() - 2];
    require(value >= 0 && value <= std::numeric_limits<std::uint32_t>::max(), "RLE: run {} has length {}",
            counts.size(), value);
    counts.push_back(static_cast<std::uint32_t>(value));
  }
  return counts;
}

}  // namespace san
