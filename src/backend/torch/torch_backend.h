#pragma once
#include <memory>
#include <string>

#include "backend/backend.h"

namespace san {

enum class Precision : std::uint8_t { kF32, kF16, kBF16 };

struct TorchOptions {
  std::string device = "cpu";  ///< "cpu", "cuda" or "cuda:N"
  /// What products run in (weights and norms stay float32). kF16 needs CUDA; kBF16 CUDA or
  /// torch_cpu_has_bf16().
  Precision precision = Precision::kF32;
  /// Parameters marked trainable require gradients and every op is recorded for them.
  bool training = false;
  int threads = 0;  ///< on the CPU; 0: one per processor the process may use
};

/// Backend on libtorch. Throws Error when the device is not there.
std::unique_ptr<Backend> make_torch_backend(const TorchOptions& options = {});
/// Whether libtorch sees a CUDA device.
bool torch_has_cuda();
/// Whether the CPU side multiplies bfloat16 numbers in hardware.
bool torch_cpu_has_bf16();
/// "libtorch 1.13.1, CPU matmuls by oneDNN".
std::string torch_description();

}  // namespace san
