#include "labels/head_plan.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "labels/head_checks.h"

namespace san::head {
namespace {

using Taps = AxisWeights::Taps;

int round_up(int value, int multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

/// [cells, stride] from [queries, cells]; the lanes without a query never light up.
void transpose(std::span<const float> masks, int queries, int stride, std::vector<float>& grid) {
  const auto count = static_cast<std::size_t>(queries), step = static_cast<std::size_t>(stride);
  const std::size_t cells = masks.size() / count;
  grid.assign(cells * step, 2 * kLowestLogit);
  for (std::size_t q = 0; q < count; ++q)
    for (std::size_t c = 0; c < cells; ++c) grid[c * step + q] = masks[q * cells + c];
}

/// Where a pixel must be looked at because the axis bends there: along pixels that mix the same two cells the
/// second weight only grows or only falls, and the first is what is missing to one.
void find_bends(const AxisWeights& axis, std::vector<std::uint8_t>& bends) {
  bends.assign(axis.taps.size(), 0);
  const auto straight = [](const Taps& a, const Taps& b) {
    return a.count <= 2 && a.count == b.count &&
           std::equal(a.index.begin(), a.index.begin() + a.count, b.index.begin());
  };
  for (std::size_t i = 0; i + 1 < bends.size(); ++i)
    if (!straight(axis.taps[i], axis.taps[i + 1])) bends[i] = bends[i + 1] = 1;
}

/// A few numbers, without memory of their own.
template <std::size_t kMost>
struct Few {
  std::array<int, kMost> values{};
  std::size_t count = 0;

  void add(int value) { values[count++] = value; }
  int* begin() { return values.data(); }
  int* end() { return values.data() + count; }
  const int* begin() const { return values.data(); }
  const int* end() const { return values.data() + count; }
};
using Points = Few<kTileSide>;
using Cells = Few<kMostCells>;

/// The ends of [begin, begin + length) and the bends between them.
Points points_of(const std::vector<std::uint8_t>& bends, int begin, int length) {
  Points points;
  for (int i = begin; i < begin + length; ++i)
    if (i == begin || i == begin + length - 1 || bends[static_cast<std::size_t>(i)] != 0) points.add(i);
  return points;
}

/// The cells that pixels [begin, begin + length) mix, ascending.
Cells cells_of(const AxisWeights& axis, int begin, int length) {
  Cells cells;
  for (int i = begin; i < begin + length; ++i) {
    const Taps& taps = axis.taps[static_cast<std::size_t>(i)];
    for (std::size_t t = 0; t < static_cast<std::size_t>(taps.count); ++t)
      if (std::find(cells.begin(), cells.end(), taps.index[t]) == cells.end()) cells.add(taps.index[t]);
  }
  std::sort(cells.begin(), cells.end());
  return cells;
}

float weight_of(const Taps& taps, int cell) {
  for (std::size_t t = 0; t < static_cast<std::size_t>(taps.count); ++t)
    if (taps.index[t] == cell) return taps.weight[t];
  return 0.0f;
}

int most_taps(const AxisWeights& axis, const Points& points) {
  int most = 1;
  for (const int i : points) most = std::max(most, axis.taps[static_cast<std::size_t>(i)].count);
  return most;
}

/// `cuts`: those that come from views; out: all of them.
void add_even_cuts(int size, int step, std::vector<int>& cuts) {
  std::erase_if(cuts, [size](int cut) { return cut < 0 || cut > size; });
  for (int i = 0; i < size; i += step) cuts.push_back(i);
  cuts.push_back(size);
  std::sort(cuts.begin(), cuts.end());
  cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
}

}  // namespace

std::size_t PlannedView::bound_terms(const Region& tile, std::vector<GridTerm>& terms) const {
  const Points ys = points_of(row_bends, tile.y, tile.height),
               xs = points_of(column_bends, tile.x, tile.width);
  const int tall = most_taps(rows, ys), wide = most_taps(columns, xs);
  const auto tap = [](const Taps& taps, int t) {
    const auto i = static_cast<std::size_t>(t < taps.count ? t : 0);
    return std::pair(taps.index[i], t < taps.count ? taps.weight[i] : 0.0f);
  };
  terms.clear();
  for (const int y : ys)
    for (const int x : xs)
      for (int i = 0; i < tall; ++i)
        for (int j = 0; j < wide; ++j) {
          const auto [row, down] = tap(rows.taps[static_cast<std::size_t>(y)], i);
          const auto [column, across] = tap(columns.taps[static_cast<std::size_t>(x)], j);
          terms.push_back({static_cast<std::size_t>(row * grid_width + column), down * across});
        }
  return static_cast<std::size_t>(tall * wide);
}

void PlannedView::block_cells(const Region& block, std::vector<std::size_t>& cells,
                              std::vector<float>& weights) const {
  const Cells ys = cells_of(rows, block.y, block.height), xs = cells_of(columns, block.x, block.width);
  cells.clear();
  weights.assign(ys.count * xs.count * kBlock, 0.0f);
  float* out = weights.data();
  for (const int row : ys)
    for (const int column : xs) {
      cells.push_back(static_cast<std::size_t>(row * grid_width + column));
      float across[kBlockSide];
      for (int x = 0; x < block.width; ++x)
        across[x] = weight_of(columns.taps[static_cast<std::size_t>(block.x + x)], column);
      for (int y = 0; y < block.height; ++y) {
        const float down = weight_of(rows.taps[static_cast<std::size_t>(block.y + y)], row);
        for (int x = 0; x < block.width; ++x) out[y * block.width + x] = down * across[x];
      }
      out += kBlock;
    }
}

float PlannedView::weight_at(int y, int x) const {
  const auto along = [](const std::vector<float>& ramp, int i) {
    return ramp.empty() ? 1.0f : ramp[static_cast<std::size_t>(i)];
  };
  return along(row_ramp, y) * along(column_ramp, x);
}

std::pair<float, float> PlannedView::weight_range(const Region& area) const {
  const auto range = [](const std::vector<float>& ramp, int begin, int length) {
    if (ramp.empty()) return std::pair(1.0f, 1.0f);
    const auto [least, most] = std::minmax_element(ramp.begin() + begin, ramp.begin() + begin + length);
    return std::pair(*least, *most);
  };
  const auto [top, bottom] = range(row_ramp, area.y, area.height);
  const auto [left, right] = range(column_ramp, area.x, area.width);
  return {top * left, bottom * right};  // rounding is monotonous: no product of the area lies outside
}

void Plan::make(std::span<const HeadView> head_views, int output_height, int output_width,
                const HeadOptions& options) {
  check_call(head_views, output_height, output_width, options);
  const Region part = part_of(options, output_height, output_width);
  height = part.height, width = part.width;
  partial = false;
  views.resize(head_views.size());
  for (std::size_t v = 0; v < views.size(); ++v) {
    const HeadView& in = head_views[v];
    PlannedView& view = views[v];
    check_queries(in, output_height, output_width, options);
    require(!in.ramps.any() || options.min_coverage == 0.0f,
            "segmentation head: a least coverage is not defined for views that are weighted");
    view.region = region_of(in, output_height, output_width);
    view.queries = in.queries;
    view.stride = round_up(in.queries, kQueryAlign);
    view.grid_width = in.grid_width;
    view.rows.make(in.grid_height, in.padded_height, in.content_height, view.region.height);
    view.columns.make(in.grid_width, in.padded_width, in.content_width, view.region.width, in.mirrored);
    view.row_ramp = ramp_weights(view.region.height, in.ramps.top, in.ramps.bottom);
    view.column_ramp = ramp_weights(view.region.width, in.ramps.left, in.ramps.right);
    find_bends(view.rows, view.row_bends);
    find_bends(view.columns, view.column_bends);
    transpose(in.mask_logits, in.queries, view.stride, view.grid);
    float largest = 0.0f;
    for (const float logit : in.mask_logits) largest = std::max(largest, std::abs(logit));
    // A few dozen roundings, of weights and of sums.
    view.slack = largest * 64 * 0x1p-24f;
    partial |= view.region.height < output_height || view.region.width < output_width;
    view.region.y -= part.y, view.region.x -= part.x;
  }
}

void Plan::row_cuts(int step, std::vector<int>& cuts) const {
  cuts.clear();
  for (const PlannedView& v : views)
    for (const int cut : {v.region.y, v.region.y + v.region.height}) cuts.push_back(cut);
  add_even_cuts(height, step, cuts);
}

void Plan::column_cuts(int step, std::vector<int>& cuts) const {
  cuts.clear();
  for (const PlannedView& v : views)
    for (const int cut : {v.region.x, v.region.x + v.region.width}) cuts.push_back(cut);
  add_even_cuts(width, step, cuts);
}

void Plan::covering(const Region& piece, std::vector<const PlannedView*>& found) const {
  found.clear();
  for (const PlannedView& view : views) {
    const Region& r = view.region;
    if (piece.y >= r.y && piece.y < r.y + r.height && piece.x >= r.x && piece.x < r.x + r.width)
      found.push_back(&view);
  }
  if (found.empty()) fail_uncovered(piece.y, piece.x);
}

Region within(const PlannedView& view, const Region& tile) {
  return {tile.y - view.region.y, tile.x - view.region.x, tile.height, tile.width};
}

}  // namespace san::head
