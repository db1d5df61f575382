#pragma once
#include <span>

#include "base/thread_pool.h"
#include "labels/segmentation_head.h"

namespace san {

/// Moves the edges between labels to those of the picture: the scores of the classes in `result` (at most
/// kRefinedClasses, the largest) are filtered with the picture for guide, and each pixel of these classes
/// gets the best of them. Works at the guide's size; larger results read their scores between its pixels.
/// Changes labels, and label scores where there are any; areas are the caller's to count again.
void refine_edges(std::span<const HeadView> views, const HeadOptions& options, const Image& guide,
                  ThreadPool& pool, SegmentationResult& result);

/// A picture as refine_edges() takes it: small enough that the filter costs little beside a network.
Image refinement_guide(const Image& picture, ThreadPool& pool);

constexpr int kRefinedClasses = 24;

}  // namespace san
