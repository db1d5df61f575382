#include "labels/segmentation_head.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "labels/grid_scores.h"
#include "labels/head_plan.h"

namespace san {
namespace {

using head::Plan;
using head::Segment;
using head::TileStrip;

/// Enough for the rounding of every sum the bounds compare: queries + a few roundings of 2^-24 each, on
/// either side.
float relative_slack(const Plan& plan) {
  return static_cast<float>(plan.stride + 8) * 0x1p-22f;
}
/// Products that underflow may lose this much each.
float absolute_slack(const Plan& plan) {
  return static_cast<float>(plan.stride) * std::numeric_limits<float>::min();
}

/// The columns of a chosen few classes, copied together so that the kernels can run over them.
class CompactClasses {
 public:
  /// `chosen` ascending. Reuses the last copy when nothing changed.
  void set(std::span<const Segment> segments, std::span<const int> chosen) {
    const bool same = std::equal(chosen.begin(), chosen.end(), chosen_.begin(), chosen_.end()) &&
                      std::equal(segments.begin(), segments.end(), sources_.begin(), sources_.end(),
                                 [](const Segment& a, const Segment& b) { return a.panels == b.panels; });
    if (same) return;
    chosen_.assign(chosen.begin(), chosen.end());
    sources_.assign(segments.begin(), segments.end());
    segments_.assign(segments.begin(), segments.end());
    std::size_t floats = 0;
    for (const Segment& s : segments) floats += static_cast<std::size_t>(panels() * s.queries) * head::kPanel;
    values_.assign(floats, 0.0f);
    float* out = values_.data();
    for (Segment& segment : segments_) {
      const Segment source = segment;
      const auto queries = static_cast<std::size_t>(source.queries);
      segment.panels = out;
      for (std::size_t i = 0; i < chosen.size(); ++i) {
        const auto k = static_cast<std::size_t>(chosen[i]);
        const float* from = source.panels + k / head::kPanel * source.panel_stride + k % head::kPanel;
        float* to = out + i / head::kPanel * segment.panel_stride + i % head::kPanel;
        for (std::size_t q = 0; q < queries; ++q) to[q * head::kPanel] = from[q * head::kPanel];
      }
      out += static_cast<std::size_t>(panels()) * segment.panel_stride;
    }
  }
  int panels() const { return static_cast<int>((chosen_.size() + head::kPanel - 1) / head::kPanel); }
  std::span<const Segment> segments() const { return segments_; }

 private:
  std::vector<int> chosen_;
  std::vector<Segment> sources_, segments_;
  std::vector<float> values_;
};

/// Finds the labels of tile after tile.
class TileLabeler {
 public:
  TileLabeler(const Plan& plan, const HeadOptions& options, SegmentationResult& result)
      : plan_(plan),
        options_(options),
        result_(result),
        relative_(relative_slack(plan)),
        absolute_(absolute_slack(plan)) {}

  void run(TileStrip&& strip) {
    const std::size_t stride = static_cast<std::size_t>(plan_.panels) * head::kPanel;
    for (auto tiles = strip.next(); !tiles.empty(); tiles = strip.next()) {
      const std::size_t columns = strip.sigma_stride();
      lowest_.resize(columns * head::kTileGroup);
      highest_.resize(columns * head::kTileGroup);
      upper_.resize(stride * head::kTileGroup);
      for (std::size_t i = 0; i < tiles.size(); ++i)
        head::column_range(tiles[i].sigma, tiles[i].pixels(), columns, &lowest_[i * columns],
                           &highest_[i * columns]);
      head::class_scores(strip.segments(), plan_.panels, highest_.data(), columns,
                         static_cast<int>(tiles.size()), upper_.data(), stride);
      for (std::size_t i = 0; i < tiles.size(); ++i)
        label(strip, tiles[i], std::span(upper_).subspan(i * stride, stride), &lowest_[i * columns]);
    }
  }

 private:
  void select(std::span<const float> upper, float lower) {
    const float threshold = lower * (1.0f - relative_) - absolute_;
    survivors_.clear();
    for (int k = 0; k < plan_.columns; ++k)
      if (upper[static_cast<std::size_t>(k)] >= threshold) survivors_.push_back(k);
  }

  void score(const TileStrip& strip, const TileStrip::Tile& tile) {
    compact_.set(strip.segments(), survivors_);
    score_stride_ = static_cast<std::size_t>(compact_.panels()) * head::kPanel;
    scores_.resize(std::max(scores_.size(), score_stride_ * head::kTilePixels));
    head::class_scores(compact_.segments(), compact_.panels(), tile.sigma, strip.sigma_stride(),
                       tile.pixels(), scores_.data(), score_stride_);
  }

  /// The class most likely to win has at least this score everywhere in the tile.
  static float lower_bound(std::span<const Segment> segments, int column, const float* lowest) {
    const auto k = static_cast<std::size_t>(column);
    float sum = 0.0f;
    for (const Segment& segment : segments) {
      const float* p = segment.panels + k / head::kPanel * segment.panel_stride + k % head::kPanel;
      for (int q = 0; q < segment.queries; ++q, p += head::kPanel)
        sum += *p * lowest[segment.sigma_offset + q];
    }
    return sum;
  }

  void label(const TileStrip& strip, const TileStrip::Tile& tile, std::span<const float> upper,
             const float* lowest) {
    const int favourite = head::best_of(upper.data(), static_cast<int>(upper.size())).index;
    select(upper, lower_bound(strip.segments(), favourite, lowest));
    const bool alone = survivors_.size() == 1 && !options_.label_scores;
    if (!alone) score(strip, tile);
    const auto other = static_cast<std::uint16_t>(options_.classes);
    const bool sparse = options_.background == Background::kOther && options_.min_coverage > 0.0f;
    for (std::size_t p = 0; p < static_cast<std::size_t>(tile.pixels()); ++p) {
      const int y = tile.y + static_cast<int>(p) / tile.width, x = tile.x + static_cast<int>(p) % tile.width;
      head::Best best;
      if (!alone) best = head::best_of(&scores_[p * score_stride_], static_cast<int>(score_stride_));
      std::uint16_t& label = result_.labels.row(y)[x];
      label = static_cast<std::uint16_t>(survivors_[static_cast<std::size_t>(best.index)]);
      const float* sigma = tile.sigma + p * strip.sigma_stride();
      if (sparse && *std::max_element(sigma, sigma + strip.sigma_stride()) < options_.min_coverage)
        label = other;
      const int views = plan_.covering(y, x);
      if (options_.label_scores)
        result_.label_scores[static_cast<std::size_t>(&label - result_.labels.labels.data())] =
            best.value / static_cast<float>(views);
    }
  }

  const Plan& plan_;
  const HeadOptions& options_;
  SegmentationResult& result_;
  float relative_, absolute_;
  std::vector<float> lowest_, highest_, upper_, scores_;
  std::size_t score_stride_ = 0;
  std::vector<int> survivors_;
  CompactClasses compact_;
};

}  // namespace

SegmentationResult SegmentationHead::run(std::span<const HeadView> views, int height, int width,
                                         const HeadOptions& options) const {
  SegmentationResult result;
  run(views, height, width, options, result);
  return result;
}

void SegmentationHead::run(std::span<const HeadView> views, int height, int width, const HeadOptions& options,
                           SegmentationResult& result) const {
  if (head::are_grids(views)) {
    result = head::label_grids(views, height, width, options, pool_);
    return;
  }
  const Plan plan(views, height, width, options, options.background == Background::kOther);
  result.labels.height = height;
  result.labels.width = width;
  result.labels.labels.resize(static_cast<std::size_t>(height) * static_cast<std::size_t>(width));
  result.label_scores.resize(options.label_scores ? result.labels.labels.size() : 0);
  const int strips = (height + head::kTileSide - 1) / head::kTileSide;
  pool_.parallel_for(strips, 1, [&](std::int64_t begin, std::int64_t end) {
    TileLabeler labeler(plan, options, result);
    for (auto strip = static_cast<int>(begin); strip < end; ++strip)
      labeler.run(TileStrip(plan, strip * head::kTileSide));
  });
  result.areas.assign(static_cast<std::size_t>(options.classes) + 1, 0);
  for (const std::uint16_t label : result.labels.labels) ++result.areas[label];
}

std::vector<float> SegmentationHead::class_scores(std::span<const HeadView> views, int height, int width,
                                                  const HeadOptions& options,
                                                  std::span<const int> chosen) const {
  for (const int k : chosen)
    require(k >= 0 && k <= options.classes,
            "segmentation head: scores of class {} were asked for, but there are {}", k, options.classes);
  if (head::are_grids(views)) return head::grid_scores(views, height, width, options, chosen, pool_);
  const Plan plan(views, height, width, options, true);
  const std::size_t plane = static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
  std::vector<float> result(plane * chosen.size());
  if (chosen.empty()) return result;
  const int strips = (height + head::kTileSide - 1) / head::kTileSide;
  pool_.parallel_for(strips, 1, [&](std::int64_t begin, std::int64_t end) {
    CompactClasses compact;
    std::vector<float> scores;
    for (auto s = static_cast<int>(begin); s < end; ++s) {
      TileStrip strip(plan, s * head::kTileSide);
      for (auto tiles = strip.next(); !tiles.empty(); tiles = strip.next()) {
        compact.set(strip.segments(), chosen);
        const auto stride = static_cast<std::size_t>(compact.panels()) * head::kPanel;
        scores.resize(stride * head::kTilePixels);
        for (const TileStrip::Tile& tile : tiles) {
          head::class_scores(compact.segments(), compact.panels(), tile.sigma, strip.sigma_stride(),
                             tile.pixels(), scores.data(), stride);
          for (std::size_t p = 0; p < static_cast<std::size_t>(tile.pixels()); ++p) {
            const int y = tile.y + static_cast<int>(p) / tile.width,
                      x = tile.x + static_cast<int>(p) % tile.width;
            const auto count = static_cast<float>(plan.covering(y, x));
            float* out = &result[static_cast<std::size_t>(y) * static_cast<std::size_t>(width) +
                                 static_cast<std::size_t>(x)];
            for (std::size_t k = 0; k < chosen.size(); ++k) out[k * plane] = scores[p * stride + k] / count;
          }
        }
      }
    }
  });
  return result;
}

}  // namespace san
