#pragma once
#include <filesystem>
#include <map>
#include <string>

#include "backend/torch/torch_parameters.h"

namespace san {

/// Everything a run needs to go on as if nothing had happened.
struct Checkpoint {
  std::map<std::string, at::Tensor> parameters;  ///< all of them, trained and frozen
  std::map<std::string, at::Tensor> optimizer;   ///< Optimizer::state()
  at::Tensor gradients;                          ///< added up in a step that was left in its middle, flat
  int batches = 0, parts = 0;                    ///< of that step: batches done, parts done of the next
  double loss = 0;                               ///< of those, added up
  std::int64_t step = 0;                         ///< steps done
  std::int64_t skipped = 0;                      ///< those of them that overflowed fp16 and changed nothing
  std::int64_t metrics_bytes = 0;                ///< length of the metrics file at this step
  double elapsed_s = 0;                          ///< training time so far, all processes
  double best = 0;                               ///< best evaluation so far
  bool has_best = false;
  double start = 0;  ///< evaluation before the first step
  bool has_start = false;
  double loss_scale = 0;  ///< of fp16
  std::int64_t loss_scale_age = 0;
  std::string stream;  ///< the task's place in its data, JSON
  std::string recipe;  ///< what it belongs to, JSON
};

/// One safetensors file, written atomically: readers find the old checkpoint or the new one.
void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint);
/// Throws Error naming the path when it is no checkpoint.
Checkpoint read_checkpoint(const std::filesystem::path& path);

}  // namespace san
