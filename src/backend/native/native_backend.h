#pragma once
#include <memory>

#include "backend/backend.h"

namespace san {

struct NativeOptions {
  int threads = 0;  ///< 0: one per processor available to the process
};

/// CPU inference in float32 by fused SIMD kernels chosen for the machine at run time. Weights are packed once
/// and shared by forks; each fork has its own threads and workspace.
std::unique_ptr<Backend> make_native_backend(const NativeOptions& options = {});

}  // namespace san
