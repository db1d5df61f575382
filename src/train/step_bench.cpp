#include "train/step_bench.h"

#include <torch/csrc/api/include/torch/cuda.h>

#include <algorithm>
#include <fstream>

#include "backend/torch/matmul.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/median.h"
#if defined(SAN_TORCH_CUDA) && __has_include(<cuda_runtime_api.h>)
#include <c10/cuda/CUDACachingAllocator.h>
#define SAN_CUDA_STATISTICS 1
#endif

namespace san {
namespace {

constexpr int kUnmeasured = 2;  // allocators and kernels settle

double median_ms(const std::vector<double>& seconds) {
  return 1e3 * median(seconds);
}

}  // namespace

StepTiming time_steps(TrainingTask& task, const RunOptions& run, const OptimizerOptions& optimizer, int steps,
                      const std::atomic<bool>& interrupted) {
  Trainer trainer(task, run, optimizer, {});
  task.start("");
  std::vector<double> data, forward, backward, update, total;
  for (int i = 0; i < kUnmeasured + steps && !interrupted; ++i) {
    StepTimes t;
    const Clock::time_point start = Clock::now();
    trainer.step(t, /*timed=*/true);
    if (i < kUnmeasured) continue;
    total.push_back(seconds_since(start));
    data.push_back(t.data), forward.push_back(t.forward);
    backward.push_back(t.backward), update.push_back(t.optimizer);
  }
  require(!total.empty(), "interrupted before a step was measured");
  const auto [fastest, slowest] = std::minmax_element(total.begin(), total.end());
  return {static_cast<int>(total.size()),
          median_ms(data),
          median_ms(forward),
          median_ms(backward),
          median_ms(update),
          median_ms(total),
          1e3 * *fastest,
          1e3 * *slowest};
}

double loader_images_per_s(TrainingTask& task, int batches_ahead, double seconds,
                           const std::atomic<bool>& interrupted) {
  task.start("");
  // What the workers finished before the first of these is asked for was made outside the measured time.
  for (int i = 0; i <= batches_ahead; ++i) task.fetch(0);
  const Clock::time_point start = Clock::now();
  int batches = 0;
  while (!interrupted && (batches == 0 || seconds_since(start) < seconds)) task.fetch(0), ++batches;
  return batches * static_cast<double>(task.images_per_batch()) / seconds_since(start);
}

double torch_matmul_peak_gflops(at::Device device, Precision precision, int repeats) {
  const at::NoGradGuard guard;
  const std::int64_t size = device.is_cuda() ? 8192 : 1024;
  const auto type = precision == Precision::kF16    ? at::kHalf
                    : precision == Precision::kBF16 ? at::kBFloat16
                                                    : at::kFloat;
  const at::Tensor a = at::full({size, size}, 0.5, at::TensorOptions(device).dtype(type));
  at::Tensor c = matmul_fast(a, a);
  double best = 1e30;
  for (int i = 0; i < repeats; ++i) {
    if (device.is_cuda()) torch::cuda::synchronize(device.index());
    const Clock::time_point start = Clock::now();
    c = matmul_fast(a, a);
    if (device.is_cuda()) torch::cuda::synchronize(device.index());
    best = std::min(best, seconds_since(start));
  }
  const auto n = static_cast<double>(size);
  return 2 * n * n * n / best / 1e9;
}

std::int64_t peak_memory_bytes(at::Device device) {
  if (device.is_cuda()) {
#ifdef SAN_CUDA_STATISTICS
    return c10::cuda::CUDACachingAllocator::getDeviceStats(std::max<c10::DeviceIndex>(0, device.index()))
        .allocated_bytes[0]
        .peak;
#else
    return 0;
#endif
  }
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::stoll(line.substr(6)) * 1024;
  return 0;
}

void reset_peak_memory(at::Device device) {
  if (device.is_cpu()) std::ofstream("/proc/self/clear_refs") << 5;  // proc(5): VmHWM starts anew
#ifdef SAN_CUDA_STATISTICS
  if (device.is_cuda())
    c10::cuda::CUDACachingAllocator::resetPeakStats(std::max<c10::DeviceIndex>(0, device.index()));
#endif
}

}  // namespace san
