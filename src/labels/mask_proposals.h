#pragma once
#include <vector>

#include "base/thread_pool.h"
#include "labels/segmentation_head.h"
#include "san/masks.hpp"

namespace san {

/// One proposal per query with a non-empty mask and at least that class score, the best score first (the
/// first query on ties). The view must cover the whole output. Throws Error on inconsistent sizes.
std::vector<MaskProposal> mask_proposals(const HeadView& view, int height, int width,
                                         const HeadOptions& options, const ProposalOptions& proposal_options,
                                         ThreadPool& pool);

}  // namespace san
