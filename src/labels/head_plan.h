#pragma once
#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "labels/axis_weights.h"
#include "labels/head_kernels.h"
#include "labels/segmentation_head.h"

/// What the segmentation head prepares once per image: where masks lie on the output, and which rectangles of
/// it are looked at together.
namespace san::head {

/// A block is kBlockSide × kBlockSide pixels, a vector of them; a bounded tile has at most kTileSide rows and
/// columns.
constexpr int kBlockSide = 4, kTileSide = 16;
static_assert(kBlockSide * kBlockSide == kBlock);
/// Cells that a block may mix along an axis, and terms of a tile's bounds: what lists of them have room for.
constexpr std::size_t kMostCells = kBlockSide * 4, kMostTerms = kTileSide * kTileSide * 16;

/// One view's masks, laid out for the kernels.
struct PlannedView {
  Region region;                ///< in pixels of what is computed; may reach beyond it
  int queries = 0, stride = 0;  ///< stride: queries rounded up to kQueryAlign
  int grid_width = 0;
  AxisWeights rows, columns;                          ///< per pixel of the region
  std::vector<std::uint8_t> row_bends, column_bends;  ///< see bends_of()
  std::vector<float> row_ramp, column_ramp;           ///< its weight per pixel of the region; empty: one
  std::vector<float> grid;                            ///< [cells, stride]
  float slack = 0.0f;  ///< more than rounding can change an interpolated logit by

  /// Terms of sigma_bounds() for a tile inside the region: between the chosen points the logits are bilinear
  /// in the weights, so that no pixel of the tile lies outside what these have. Returns the terms per point.
  std::size_t bound_terms(const Region& tile, std::vector<GridTerm>& terms) const;
  /// Cells and weights of block_sigmas() for a block inside the region, pixels row by row.
  void block_cells(const Region& block, std::vector<std::size_t>& cells, std::vector<float>& weights) const;

  bool weighs_one() const { return row_ramp.empty() && column_ramp.empty(); }
  /// Its weight at a pixel of the region.
  float weight_at(int y, int x) const;
  /// The least and the greatest over a rectangle inside the region.
  std::pair<float, float> weight_range(const Region& area) const;
};

struct Plan {
  int height = 0, width = 0;  ///< of what is computed: the output, or HeadOptions::part of it
  bool partial = false;       ///< whether some view leaves out a part of the output
  std::vector<PlannedView> views;

  Plan() = default;
  Plan(std::span<const HeadView> head_views, int output_height, int output_width,
       const HeadOptions& options) {
    make(head_views, output_height, output_width, options);
  }
  /// Plans anew, in the memory of the plan before. Throws Error on inconsistent input.
  void make(std::span<const HeadView> head_views, int output_height, int output_width,
            const HeadOptions& options);

  /// Where the output is cut, from 0 to its size: at multiples of `step` and where a view begins or ends, so
  /// that each view covers a piece or does not touch it.
  void row_cuts(int step, std::vector<int>& cuts) const;
  void column_cuts(int step, std::vector<int>& cuts) const;
  /// The views that cover a piece between cuts. Throws Error if none does.
  void covering(const Region& piece, std::vector<const PlannedView*>& found) const;
};

/// Calls body(tile) for the tiles of `side` × `side` pixels, less at its far ends, that make up `area`, row
/// by row.
template <class Body>
void for_tiles(const Region& area, int side, const Body& body) {
  for (int y = 0; y < area.height; y += side)
    for (int x = 0; x < area.width; x += side)
      body(Region{area.y + y, area.x + x, std::min(side, area.height - y), std::min(side, area.width - x)});
}
/// `tile` in the coordinates of the view's region.
Region within(const PlannedView& view, const Region& tile);

}  // namespace san::head
