#include "labels/head_plan.h"

#include <algorithm>

#include "labels/head_checks.h"

namespace san::head {
namespace {

int round_up(int value, int multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

/// [cells, stride] from [queries, cells]; the lanes without a query never light up.
std::vector<float> transposed(std::span<const float> masks, int queries, int stride) {
  const auto count = static_cast<std::size_t>(queries), step = static_cast<std::size_t>(stride);
  const std::size_t cells = masks.size() / count;
  std::vector<float> grid(cells * step, 2 * kLowestLogit);
  for (std::size_t q = 0; q < count; ++q)
    for (std::size_t c = 0; c < cells; ++c) grid[c * step + q] = masks[q * cells + c];
  return grid;
}

std::vector<float> paneled(std::span<const float> probabilities, int queries, int columns, int panels) {
  const auto count = static_cast<std::size_t>(queries), row = probabilities.size() / count;
  std::vector<float> result(static_cast<std::size_t>(panels) * count * kPanel);
  for (std::size_t q = 0; q < count; ++q)
    for (std::size_t k = 0; k < static_cast<std::size_t>(columns); ++k)
      result[(k / kPanel * count + q) * kPanel + k % kPanel] = probabilities[q * row + k];
  return result;
}

int widest_tile(const AxisWeights& columns) {
  int widest = 1;
  for (std::size_t begin = 0; begin < columns.taps.size(); ++begin) {
    int first = columns.taps[begin].index[0], last = first;
    const std::size_t end = std::min(columns.taps.size(), begin + kTileSide);
    for (std::size_t x = begin; x < end; ++x)
      for (std::size_t t = 0; t < static_cast<std::size_t>(columns.taps[x].count); ++t) {
        first = std::min(first, columns.taps[x].index[t]);
        last = std::max(last, columns.taps[x].index[t]);
      }
    widest = std::max(widest, last - first + 1);
  }
  return widest;
}

}  // namespace

Plan::Plan(std::span<const HeadView> head_views, int output_height, int output_width,
           const HeadOptions& options, bool background)
    : height(output_height), width(output_width), columns(options.classes + (background ? 1 : 0)) {
  check_call(head_views, height, width, options);
  panels = round_up(columns, kPanel) / kPanel;
  for (const HeadView& in : head_views) {
    check_queries(in, height, width, options);
    PlannedView view;
    view.region = region_of(in, height, width);
    view.queries = in.queries;
    view.stride = round_up(in.queries, kQueryAlign);
    view.grid_width = in.grid_width;
    view.rows = AxisWeights::compose(in.grid_height, in.padded_height, in.content_height, view.region.height);
    view.columns = AxisWeights::compose(in.grid_width, in.padded_width, in.content_width, view.region.width,
                                        in.mirrored);
    view.grid = transposed(in.mask_logits, in.queries, view.stride);
    view.probabilities =
        paneled(class_probabilities(in.class_logits, in.queries, options), in.queries, columns, panels);
    view.widest_tile = widest_tile(view.columns);
    stride += view.stride;
    partial |= view.region.height < height || view.region.width < width;
    views.push_back(std::move(view));
  }
}

int Plan::covering(int y, int x) const {
  if (!partial) return static_cast<int>(views.size());
  const auto count = std::count_if(views.begin(), views.end(), [&](const PlannedView& view) {
    const Region& r = view.region;
    return y >= r.y && y < r.y + r.height && x >= r.x && x < r.x + r.width;
  });
  if (count == 0) fail_uncovered(y, x);
  return static_cast<int>(count);
}

TileStrip::TileStrip(const Plan& plan, int y)
    : plan_(plan), y_(y), height_(std::min(kTileSide, plan.height - y)) {
  sigma_.resize(static_cast<std::size_t>(plan.stride) * kTilePixels * kTileGroup);
  int widest = 0;
  for (const PlannedView& view : plan.views) widest = std::max(widest, view.widest_tile * view.stride);
  scratch_.resize(static_cast<std::size_t>(widest));
}

void TileStrip::select_views(int x, int width) {
  active_.clear();
  segments_.clear();
  stride_ = 0;
  for (const PlannedView& view : plan_.views) {
    const Region& r = view.region;
    if (r.y >= y_ + height_ || r.y + r.height <= y_ || r.x >= x + width || r.x + r.width <= x) continue;
    active_.push_back(&view);
    segments_.push_back({view.probabilities.data(), static_cast<std::size_t>(view.queries) * kPanel,
                         view.queries, static_cast<int>(stride_)});
    stride_ += static_cast<std::size_t>(view.stride);
  }
}

void TileStrip::fill(const Tile& tile) {
  for (std::size_t i = 0; i < active_.size(); ++i) {
    const PlannedView& view = *active_[i];
    const Region& r = view.region;
    const int top = std::max(tile.y, r.y), bottom = std::min(tile.y + tile.height, r.y + r.height);
    const int left = std::max(tile.x, r.x), right = std::min(tile.x + tile.width, r.x + r.width);
    const bool whole =
        top == tile.y && bottom == tile.y + tile.height && left == tile.x && right == tile.x + tile.width;
    float* sigma = tile.sigma + segments_[i].sigma_offset;
    if (!whole)
      for (int p = 0; p < tile.pixels(); ++p)
        std::fill_n(sigma + static_cast<std::size_t>(p) * stride_, view.stride, 0.0f);
    if (top >= bottom || left >= right) continue;
    TileView part{view.grid.data(), view.grid_width, view.stride, {}, {}};
    const auto columns = std::span(view.columns.taps);
    part.columns =
        columns.subspan(static_cast<std::size_t>(left - r.x), static_cast<std::size_t>(right - left));
    for (int y = top; y < bottom; ++y) {
      part.rows = std::span(view.rows.taps).subspan(static_cast<std::size_t>(y - r.y), 1);
      const int pixel = (y - tile.y) * tile.width + left - tile.x;
      sigmoid_tile(part, scratch_.data(), sigma + static_cast<std::size_t>(pixel) * stride_, stride_);
    }
  }
}

std::span<const TileStrip::Tile> TileStrip::next() {
  tiles_.clear();
  const int width = std::min(plan_.width - x_, kTileSide * kTileGroup);
  if (width <= 0) return {};
  select_views(x_, width);
  if (active_.empty()) (void)plan_.covering(y_, x_);
  for (const int end = x_ + width; x_ < end; x_ += kTileSide) {
    tiles_.push_back({y_, x_, height_, std::min(kTileSide, end - x_),
                      sigma_.data() + tiles_.size() * static_cast<std::size_t>(kTilePixels) * stride_});
    fill(tiles_.back());
  }
  return tiles_;
}

}  // namespace san::head
