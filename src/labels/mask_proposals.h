#pragma once
#include <vector>

#include "base/thread_pool.h"
#include "image/rle.h"
#include "labels/segmentation_head.h"

namespace san {

/// What one query says: a mask and the class it most likely shows.
struct MaskProposal {
  int query = 0, class_index = 0;
  float class_score = 0.0f;  ///< P of the class
  float mask_score = 0.0f;   ///< mean mask probability inside the mask
  float score() const { return class_score * mask_score; }
  Rle mask;  ///< pixels with a mask probability of at least the threshold
};

struct ProposalOptions {
  float min_class_score = 0.0f;
  float threshold = 0.5f;  ///< of the mask probability, in (0, 1)
};

/// One proposal per query with a non-empty mask and at least that class score, the best score first (the
/// first query on ties). The view must cover the whole output. Throws Error on inconsistent sizes.
std::vector<MaskProposal> mask_proposals(const HeadView& view, int height, int width,
                                         const HeadOptions& options, const ProposalOptions& proposal_options,
                                         ThreadPool& pool);

}  // namespace san
