#pragma once
#include <atomic>
#include <string>

namespace san::cli {

/// What `san bench --training` times: optimiser steps of the official recipe on one device.
struct TrainingBench {
  std::string model = "formula:vit-b-16";  ///< formula:NAME: random weights of that network
  std::int64_t size = 640;                 ///< side of the square crops
  std::string device = "cpu", precision = "fp32";
  int batch = 1, classes = 171, repeat = 5, threads = 0, workers = 0;
  bool json = false;
};

/// Stops early when `interrupted` becomes true.
void run_training_bench(const TrainingBench& options, const std::atomic<bool>& interrupted);

}  // namespace san::cli
