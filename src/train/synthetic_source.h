#pragma once
#include <memory>

#include "train/segmentation_task.h"

namespace san {

/// Pictures without meaning, of the size and number of classes that training sees: for measuring speed where
/// no data is at hand.
std::shared_ptr<const SampleSource> synthetic_samples(int size, std::vector<std::string> class_names,
                                                      std::uint64_t seed);

}  // namespace san
