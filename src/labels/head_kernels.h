#pragma once
#include <cstddef>
#include <span>

#include "labels/axis_weights.h"

/// The vector loops of the segmentation head; the best instruction set of the running processor is chosen at
/// run time.
namespace san::head {

/// Queries are stored in multiples of this many floats, classes in panels of kPanel.
constexpr int kQueryAlign = 16, kPanel = 16;
/// Rows of scores are computed in groups of kPixelAlign.
constexpr int kPixelAlign = 8;
/// Below this logit a sigmoid (under 2e-38) counts as zero, so that no denormal number slows a loop down.
constexpr float kLowestLogit = -87.0f;

/// Mask logits of one view, [grid cells, stride], queries together, and where a tile lies on them.
struct TileView {
  const float* grid = nullptr;
  int grid_width = 0, stride = 0;
  std::span<const AxisWeights::Taps> rows, columns;  ///< of the tile's pixels
};

/// sigma[(y·columns + x)·sigma_stride + q] = sigmoid of the interpolated logit. `scratch` holds
/// rows · (touched grid columns) · stride floats.
void sigmoid_tile(const TileView& view, float* scratch, float* sigma, std::size_t sigma_stride);

/// Smallest and largest value of every column of sigma[pixels, stride]; stride is a multiple of kQueryAlign.
void column_range(const float* sigma, int pixels, std::size_t stride, float* lowest, float* highest);

/// Class probabilities of one view's queries: panel p holds [queries, kPanel] values of classes p·kPanel….
struct Segment {
  const float* panels = nullptr;
  std::size_t panel_stride = 0;
  int queries = 0;
  int sigma_offset = 0;  ///< the view's first column in sigma
};

/// scores[p·score_stride + k] = Σ over segments, queries in order of probability · sigma[p, query], one
/// (fused where the processor can) multiply-add after another: a score's bits do not depend on what else is
/// computed. `pixels` is rounded up to kPixelAlign; that many rows must exist.
void class_scores(std::span<const Segment> segments, int panels, const float* sigma, std::size_t sigma_stride,
                  int pixels, float* scores, std::size_t score_stride);

struct Best {
  int index = 0;
  float value = 0.0f;
};
/// The largest of `count` values, the first one on ties. `count` is a multiple of kPanel.
Best best_of(const float* values, int count);

}  // namespace san::head
