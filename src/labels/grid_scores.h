#pragma once
#include <span>
#include <vector>

#include "labels/segmentation_head.h"

/// The segmentation head on grids of logits; what the results mean stands at SegmentationHead.
namespace san::head {

/// Whether the views are grids (of all of them, check_call() makes sure).
bool are_grids(std::span<const HeadView> views);

SegmentationResult label_grids(std::span<const HeadView> views, int height, int width,
                               const HeadOptions& options, ThreadPool& pool);

/// Scores of the chosen classes, [chosen, height, width].
std::vector<float> grid_scores(std::span<const HeadView> views, int height, int width,
                               const HeadOptions& options, std::span<const int> chosen, ThreadPool& pool);

}  // namespace san::head
