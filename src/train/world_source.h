#pragma once
#include <memory>

#include "train/segmentation_task.h"
#include "world/samplers.h"

namespace san {

/// Scenes of the demo world as INPUT describes them: training sources, seen concepts.
std::shared_ptr<const SampleSource> world_samples(std::shared_ptr<const World> world, const Recipe& recipe);

/// The fixed evaluation scenes of a split, seen and unseen concepts reported apart.
std::shared_ptr<const EvaluationSet> world_evaluation(std::shared_ptr<const World> world, EvalSplit split,
                                                      int size);

/// The world a recipe names (DATASETS.CONCEPTS, DATASETS.PICTURES; pictures that are absent and hold only
/// tests may be).
std::shared_ptr<const World> load_world(const Recipe& recipe);

}  // namespace san
