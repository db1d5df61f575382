#pragma once
#include <cstdint>
#include <string>

#include "train/recipe.h"

namespace san {

/// What a step of a recipe costs, from shapes alone.
struct RunPlan {
  int micro_batch = 1;             ///< pictures computed at once
  std::int64_t macs_per_step = 0;  ///< of all pictures of a step, in this process
  std::int64_t bytes = 0;          ///< of memory that training takes, about
};

/// What a plan has to fit.
struct PlanLimits {
  std::int64_t bytes = 0;  ///< memory there is; 0: any amount
  std::int64_t macs = 0;   ///< of one part, so that Ctrl-C and time limits are heard; 0: any number
};

/// Chooses the largest micro-batch of at most `recipe.batch` pictures that fits, one where even that does
/// not; `recipe.micro_batch` where it says one. `side`: of the square pictures.
RunPlan plan_run(const Recipe& recipe, const SanConfig& config, int side, int classes,
                 const PlanLimits& limits);

/// What training with parts of `micro_batch` pictures takes: parameters, gradients, moments, activations, the
/// criterion's points, batches made ahead, libtorch itself. About.
std::int64_t training_bytes(const Recipe& recipe, const SanConfig& config, int side, int classes,
                            int micro_batch);

/// "8 pictures of 256×256 a step, 4 at once: 845 G multiply-adds, about 1.9 GB of memory".
std::string describe(const RunPlan& plan, const Recipe& recipe, int side);

}  // namespace san
