#pragma once
#include <atomic>
#include <cstdint>

#include "train/trainer.h"

namespace san {

/// Medians over the timed steps of a run, milliseconds.
struct StepTiming {
  int steps = 0;
  double data_ms = 0, forward_ms = 0, backward_ms = 0, optimizer_ms = 0;
  double total_ms = 0, fastest_ms = 0, slowest_ms = 0;
};

/// Takes two steps unmeasured and `steps` measured ones. Fewer when interrupted; throws Error when there was
/// time for none.
StepTiming time_steps(TrainingTask& task, const RunOptions& run, const OptimizerOptions& optimizer, int steps,
                      const std::atomic<bool>& interrupted);

/// Pictures per second that the task's loader delivers when nothing else runs: batches are fetched for
/// `seconds`, those made ahead before the clock started not counted.
double loader_images_per_s(TrainingTask& task, int batches_ahead, double seconds,
                           const std::atomic<bool>& interrupted);

/// The device's own speed: square products by matmul_fast, with which a step multiplies too, best of several,
/// in 10⁹ floating-point operations per second, two per multiply-add.
double torch_matmul_peak_gflops(at::Device device, Precision precision, int repeats = 12);

/// The most memory that was in use at once since reset_peak_memory(): resident on the CPU (VmHWM), allocated
/// by tensors on CUDA. 0 where the build cannot tell.
std::int64_t peak_memory_bytes(at::Device device);
void reset_peak_memory(at::Device device);

}  // namespace san
