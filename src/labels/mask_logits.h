#pragma once
#include <vector>

#include "labels/segmentation_head.h"

namespace san {

/// Mask logits of every query at output size, before the sigmoid: [queries, height, width], for the view that
/// covers the whole output. What the head computes tile by tile without storing it.
std::vector<float> resized_mask_logits(const HeadView& view, int height, int width);

}  // namespace san
