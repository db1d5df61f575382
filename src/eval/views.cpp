#include "eval/views.h"

#include <algorithm>

#include "base/error.h"

namespace san {
namespace {

constexpr int kAugmentedSides[] = {320, 480, 640, 800, 960, 1120};
constexpr int kAugmentedMaxSide = 4480;

/// Window starts along one axis: evenly spread, neighbours overlap by at least a third of the window.
std::vector<int> starts(int length, int window) {
  if (length <= window) return {0};
  const int stride = window - window / 3;
  const int steps = (length - window + stride - 1) / stride;
  std::vector<int> out;
  for (int i = 0; i <= steps; ++i)
    out.push_back(static_cast<int>(static_cast<std::int64_t>(length - window) * i / steps));
  return out;
}

}  // namespace

std::vector<View> plan_views(int height, int width, const ViewOptions& options) {
  require(height > 0 && width > 0 && options.short_side > 0 && options.max_side >= options.short_side,
          "views of a {}x{} picture with short side {}, at most {}", width, height, options.short_side,
          options.max_side);
  constexpr int kSmallestWindow = 32;
  require(options.window == 0 || options.window >= kSmallestWindow,
          "sliding windows of {} pixels; expected at least {}", options.window, kSmallestWindow);
  std::vector<Region> windows{Region{}};
  if (options.window > 0 && (height > options.window || width > options.window)) {
    windows.clear();
    for (const int y : starts(height, options.window))
      for (const int x : starts(width, options.window))
        windows.push_back({y, x, std::min(height, options.window), std::min(width, options.window)});
  }
  std::vector<View> out;
  for (const Region& window : windows) {
    if (!options.augment) {
      out.push_back({options.short_side, options.max_side, false, window});
      continue;
    }
    for (const int side : kAugmentedSides)
      for (const bool mirrored : {false, true}) out.push_back({side, kAugmentedMaxSide, mirrored, window});
  }
  return out;
}

std::string describe(const ViewOptions& options) {
  std::string out = options.augment
                        ? "multi-scale 320-1120 and mirrored"
                        : fmt::format("short side {}, at most {}", options.short_side, options.max_side);
  if (options.window > 0) out += fmt::format(", windows of {}", options.window);
  return out;
}

}  // namespace san
