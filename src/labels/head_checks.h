#pragma once
#include <span>

#include "labels/segmentation_head.h"

/// What has to hold before the segmentation head computes anything; every function throws Error.
namespace san::head {

/// Output size, number of classes, names and views; either queries everywhere or grids everywhere.
void check_call(std::span<const HeadView> views, int height, int width, const HeadOptions& options);

/// One view of queries, or of a grid: sizes fit one another and the output, logits are finite.
void check_queries(const HeadView& view, int height, int width, const HeadOptions& options);
void check_grid(const HeadView& view, int height, int width, const HeadOptions& options);

/// Names of all classes.
std::size_t row_count(const HeadOptions& options);
/// The part of the output that is computed. Throws Error when it leaves the output.
Region part_of(const HeadOptions& options, int height, int width);
/// The part of the output that a view covers.
Region region_of(const HeadView& view, int height, int width);
[[noreturn]] void fail_uncovered(int y, int x);

}  // namespace san::head
