#pragma once
#include <memory>

#include "data/dataset.h"
#include "san/codec.hpp"
#include "train/dataset/augmentation.h"
#include "train/segmentation_task.h"

namespace san {

/// A dataset's training split, shuffled anew every epoch and augmented: sample `position` is a function of
/// seed and position.
std::shared_ptr<const SampleSource> dataset_samples(Dataset dataset, const AugmentationOptions& options,
                                                    std::uint64_t seed, const DecodeOptions& decode = {});

/// Takes a share of a dataset's pictures away, spread over it by the seed: at least one where the share is
/// not 0 and two pictures are there, all but one at most.
Dataset hold_out(Dataset& dataset, double share, std::uint64_t seed);

/// A dataset's whole pictures, resized as `san evaluate` does.
std::shared_ptr<const EvaluationSet> dataset_evaluation(Dataset dataset, const DecodeOptions& decode = {});

}  // namespace san
