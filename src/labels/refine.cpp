#include "labels/refine.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "image/resize.h"
#include "labels/guided_filter.h"

namespace san {
namespace {

constexpr int kLongestGuide = 768;    // pixels
constexpr double kRadius = 1.0 / 32;  // of the guide's short side
constexpr float kEpsilon = 1e-4f;

/// The largest classes of a result, `options.classes` (the background's label) among them.
std::vector<int> largest(const HeadOptions& options, const SegmentationResult& result) {
  std::vector<std::int64_t> areas(static_cast<std::size_t>(options.classes) + 1);
  for (const Label label : result.labels.labels) ++areas[label];
  std::vector<int> order(areas.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](int a, int b) {
    return areas[static_cast<std::size_t>(a)] > areas[static_cast<std::size_t>(b)];
  });
  order.resize(std::min<std::size_t>(order.size(), kRefinedClasses));
  std::erase_if(order, [&](int k) { return areas[static_cast<std::size_t>(k)] == 0; });
  return order;
}

/// Where an output position lies between the guide's pixels, as bilinear resizing with align_corners = false
/// has it.
struct Between {
  int low = 0, high = 0;
  float share = 0;  ///< of `high`
};
std::vector<Between> between(int guide, int output) {
  std::vector<Between> out;
  for (int i = 0; i < output; ++i) {
    const float at = std::clamp(
        (static_cast<float>(i) + 0.5f) * static_cast<float>(guide) / static_cast<float>(output) - 0.5f, 0.0f,
        static_cast<float>(guide - 1));
    const int low = static_cast<int>(at);
    out.push_back({low, std::min(low + 1, guide - 1), at - static_cast<float>(low)});
  }
  return out;
}

}  // namespace

Image refinement_guide(const Image& picture, ThreadPool& pool) {
  const int longest = std::max(picture.height, picture.width);
  if (longest <= kLongestGuide) return picture;
  const auto scaled = [&](int side) {
    return std::max(1, static_cast<int>(std::lround(static_cast<double>(side) * kLongestGuide / longest)));
  };
  return resize(picture, scaled(picture.height), scaled(picture.width), ResizeFilter::kBilinear, &pool);
}

void refine_edges(std::span<const HeadView> views, const HeadOptions& options, const Image& guide,
                  ThreadPool& pool, SegmentationResult& result) {
  const std::vector<int> classes = largest(options, result);
  if (classes.size() < 2) return;
  const int short_side = std::min(guide.height, guide.width);
  const GuidedFilter filter(guide, std::max(1, static_cast<int>(std::lround(short_side * kRadius))),
                            kEpsilon);
  HeadOptions plain = options;
  std::vector<float> scores =
      SegmentationHead(pool).class_scores(views, guide.height, guide.width, plain, classes);
  const std::size_t plane = scores.size() / classes.size();
  pool.parallel_for(static_cast<std::int64_t>(classes.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto k = static_cast<std::size_t>(begin); k < static_cast<std::size_t>(end); ++k) {
      const std::span<float> map = std::span(scores).subspan(k * plane, plane);
      filter.run(map, map);
    }
  });
  std::vector<bool> refined(static_cast<std::size_t>(options.classes) + 1);
  for (const int k : classes) refined[static_cast<std::size_t>(k)] = true;
  const std::vector<Between> rows = between(guide.height, result.labels.height),
                             columns = between(guide.width, result.labels.width);
  pool.parallel_for(result.labels.height, 16, [&](std::int64_t begin, std::int64_t end) {
    for (auto y = static_cast<int>(begin); y < static_cast<int>(end); ++y) {
      const Between& row = rows[static_cast<std::size_t>(y)];
      for (int x = 0; x < result.labels.width; ++x) {
        Label& label = result.labels.row(y)[x];
        if (!refined[label]) continue;
        const Between& column = columns[static_cast<std::size_t>(x)];
        float best = -1;
        for (std::size_t k = 0; k < classes.size(); ++k) {
          const float* map = scores.data() + k * plane;
          const auto at = [&](int i, int j) {
            return map[static_cast<std::size_t>(i) * static_cast<std::size_t>(guide.width) +
                       static_cast<std::size_t>(j)];
          };
          const float top =
              at(row.low, column.low) * (1 - column.share) + at(row.low, column.high) * column.share;
          const float bottom =
              at(row.high, column.low) * (1 - column.share) + at(row.high, column.high) * column.share;
          const float score = top * (1 - row.share) + bottom * row.share;
          if (score > best) best = score, label = static_cast<Label>(classes[k]);
        }
        if (!result.label_scores.empty())
          result.label_scores[static_cast<std::size_t>(y) * static_cast<std::size_t>(result.labels.width) +
                              static_cast<std::size_t>(x)] = std::max(best, 0.0f);
      }
    }
  });
}

}  // namespace san
