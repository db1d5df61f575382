#include "engine/views.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace san {
namespace {

/// Short sides 320, 480, 640, 800, 960, 1120 and long ones up to 4480 of a network for 640, up to 2560.
constexpr double kAugmentedSizes[] = {0.5, 0.75, 1, 1.25, 1.5, 1.75};
constexpr int kSmallestWindow = 32;
constexpr double kLargestSize = 16;

/// Starts of windows along one axis: evenly spread, neighbours overlap by at least `overlap`.
std::vector<int> starts(int length, int window, int overlap) {
  if (length <= window) return {0};
  const int stride = window - overlap;
  const int steps = (length - window + stride - 1) / stride;
  std::vector<int> out;
  for (int i = 0; i <= steps; ++i)
    out.push_back(static_cast<int>(static_cast<std::int64_t>(length - window) * i / steps));
  return out;
}

/// By how many pixels the window at `starts[i]` overlaps the one before it; 0 for the first.
int overlap_before(const std::vector<int>& starts, std::size_t i, int window) {
  return i == 0 ? 0 : starts[i - 1] + window - starts[i];
}

int overlap_after(const std::vector<int>& starts, std::size_t i, int window) {
  return i + 1 == starts.size() ? 0 : overlap_before(starts, i + 1, window);
}

std::vector<double> sizes_of(const ViewOptions& options) {
  if (options.augment) return {std::begin(kAugmentedSizes), std::end(kAugmentedSizes)};
  return options.sizes.empty() ? std::vector{1.0} : options.sizes;
}

}  // namespace

TileGrid::TileGrid(int picture_height, int picture_width, const Tiling& tiles)
    : height(picture_height), width(picture_width) {
  require(height > 0 && width > 0, "tiles of a picture of {}x{} pixels", height, width);
  require(tiles.side >= kSmallestWindow, "tiles of {} pixels; expected at least {}", tiles.side,
          kSmallestWindow);
  require(tiles.overlap >= 0 && tiles.overlap <= tiles.side / 2,
          "tiles of {} pixels that overlap by {}; expected 0 to {}", tiles.side, tiles.overlap,
          tiles.side / 2);
  tile_height = std::min(height, tiles.side), tile_width = std::min(width, tiles.side);
  ys = starts(height, tile_height, tiles.overlap);
  xs = starts(width, tile_width, tiles.overlap);
}

Region TileGrid::tile(std::size_t row, std::size_t column) const {
  return {ys[row], xs[column], tile_height, tile_width};
}

Ramps TileGrid::ramps(std::size_t row, std::size_t column) const {
  return {overlap_before(ys, row, tile_height), overlap_after(ys, row, tile_height),
          overlap_before(xs, column, tile_width), overlap_after(xs, column, tile_width)};
}

std::vector<View> looks_at(const Region& window, const Ramps& ramps, const ViewOptions& options) {
  std::vector<View> out;
  const bool both = options.augment || options.mirrored;
  // The official setting bounds the long side of all sizes alike.
  const auto longest = static_cast<int>(std::lround(options.max_side * kAugmentedSizes[5]));
  for (const double size : sizes_of(options)) {
    const auto times = [&](int side) { return static_cast<int>(std::lround(side * size)); };
    require(size > 0 && times(options.short_side) > 0 && size <= kLargestSize,
            "a look at {} times the size; expected up to {}", size, kLargestSize);
    View look{times(options.short_side), times(options.max_side), false, window, ramps};
    if (options.augment) look.max_side = longest;
    out.push_back(look);
    look.mirrored = true;
    if (both) out.push_back(look);
  }
  return out;
}

std::vector<View> plan_views(int height, int width, const ViewOptions& options) {
  require(height > 0 && width > 0 && options.short_side > 0 && options.max_side >= options.short_side,
          "views of a {}x{} picture with short side {}, at most {}", width, height, options.short_side,
          options.max_side);
  require(options.window == 0 || options.window >= kSmallestWindow,
          "sliding windows of {} pixels; expected at least {}", options.window, kSmallestWindow);
  require(options.window == 0 || options.tiles.side == 0,
          "windows and tiles were asked for; give one of them");
  std::vector<View> out;
  const auto add = [&](const Region& window, const Ramps& ramps) {
    const auto looks = looks_at(window, ramps, options);
    out.insert(out.end(), looks.begin(), looks.end());
  };
  const int side = std::max(options.window, options.tiles.side);
  if (options.tiles.side > 0) {
    const TileGrid grid(height, width, options.tiles);
    if (height > side || width > side)
      for (std::size_t row = 0; row < grid.ys.size(); ++row)
        for (std::size_t column = 0; column < grid.xs.size(); ++column)
          add(grid.tile(row, column), grid.ramps(row, column));
  } else if (options.window > 0 && (height > side || width > side)) {
    for (const int y : starts(height, side, side / 3))
      for (const int x : starts(width, side, side / 3))
        add({y, x, std::min(height, side), std::min(width, side)}, {});
  }
  if (out.empty()) add({}, {});
  return out;
}

std::string describe(const ViewOptions& options) {
  std::string out = fmt::format("short side {}, at most {}", options.short_side, options.max_side);
  if (options.augment || !options.sizes.empty())
    out += fmt::format(", times {}", fmt::join(sizes_of(options), ", "));
  if (options.augment || options.mirrored) out += ", mirrored too";
  if (options.window > 0) out += fmt::format(", windows of {}", options.window);
  if (options.tiles.side > 0)
    out += fmt::format(", tiles of {} overlapping by {}", options.tiles.side, options.tiles.overlap);
  return out;
}

}  // namespace san
