#pragma once
#include <memory>
#include <span>
#include <vector>

#include "labels/head_kernels.h"
#include "labels/segmentation_head.h"

/// What the segmentation head prepares once per image, and the per-thread work on tiles of pixels.
namespace san::head {

constexpr int kTileSide = 8, kTilePixels = kTileSide * kTileSide;
/// Neighbouring tiles whose bounds are computed together.
constexpr int kTileGroup = kPixelAlign;

/// One view, laid out for the kernels.
struct PlannedView {
  Region region;
  int queries = 0, stride = 0;  ///< stride: queries rounded up to kQueryAlign
  int grid_width = 0;
  AxisWeights rows, columns;         ///< per pixel of the region
  std::vector<float> grid;           ///< [cells, stride]
  std::vector<float> probabilities;  ///< [panels, queries, kPanel]
  int widest_tile = 0;               ///< grid columns a tile can touch
};

struct Plan {
  int height = 0, width = 0;
  int columns = 0, panels = 0;  ///< columns: classes that compete, background included if it does
  int stride = 0;               ///< of a sigma row with all views
  bool partial = false;         ///< whether some view leaves out a part of the output
  std::vector<PlannedView> views;

  /// Throws Error on inconsistent input. With `background` the learned background is column
  /// `options.classes`.
  Plan(std::span<const HeadView> views, int height, int width, const HeadOptions& options, bool background);

  /// How many views cover an output pixel; throws Error if none does.
  int covering(int y, int x) const;
};

/// σ of all queries over a group of tiles, row by row of the plan; one per thread and strip of tiles.
class TileStrip {
 public:
  /// The strip's tiles start at output row `y`.
  TileStrip(const Plan& plan, int y);

  struct Tile {
    int y = 0, x = 0, height = 0, width = 0;
    int pixels() const { return height * width; }
    float* sigma = nullptr;  ///< [pixels, sigma_stride()]
  };
  /// The next at most kTileGroup tiles; empty at the strip's end. Throws Error where no view reaches.
  std::span<const Tile> next();

  std::size_t sigma_stride() const { return stride_; }
  std::span<const Segment> segments() const { return segments_; }
  const Plan& plan() const { return plan_; }

 private:
  void select_views(int x, int width);
  void fill(const Tile& tile);

  const Plan& plan_;
  int y_, height_, x_ = 0;
  std::size_t stride_ = 0;
  std::vector<const PlannedView*> active_;
  std::vector<Segment> segments_;
  std::vector<float> sigma_, scratch_;
  std::vector<Tile> tiles_;
};

}  // namespace san::head
