#pragma once
#include <cstdint>

#include "san/model.hpp"

namespace san::cli {

/// How many pictures are best segmented at a time: as many as threads, since each then needs one and none
/// waits for another; fewer where there are fewer `pictures` (negative: not known) or half of the memory that
/// is left has no room for them. `short_side` as SegmentationOptions has it.
int pictures_at_a_time(const Model& model, const ThreadBudget& threads, std::int64_t pictures,
                       int short_side);

}  // namespace san::cli
