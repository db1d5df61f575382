#pragma once
#include <memory>

#include "backend/backend.h"
#include "base/thread_pool.h"

namespace san {

struct NativeOptions {
  int threads = 0;                             ///< 0: one per processor available to the process
  std::shared_ptr<ThreadPool> pool = nullptr;  ///< threads to share; null: `threads` of its own
};

/// CPU inference in float32 by fused SIMD kernels chosen for the machine at run time. Weights are packed once
/// and shared by forks; each fork has its own workspace.
std::unique_ptr<Backend> make_native_backend(const NativeOptions& options = {});

/// The instruction set that the kernels choose on this processor, such as "AVX2".
const char* native_instruction_set();

}  // namespace san
