#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "base/thread_pool.h"

namespace san {

struct BackendOptions {
  int threads = 0;                 ///< 0: one per processor the process may use
  std::string device = "cpu";      ///< "cpu"; with a backend that has others, "cuda" or "cuda:N"
  std::string precision = "fp32";  ///< "fp32"; with the torch backend "bf16", on CUDA "fp16"
  /// Threads that the native backend shares with others; null: `threads` of its own.
  std::shared_ptr<ThreadPool> pool = nullptr;
};

using BackendMaker = std::function<std::unique_ptr<Backend>(const BackendOptions&)>;

/// Adds a backend to those make_backend() knows ("native" and "reference" from the start). Not thread-safe:
/// call it first.
void register_backend(const std::string& name, BackendMaker maker);

/// Names make_backend() takes, sorted.
std::vector<std::string> backend_names();

/// Throws Error listing backend_names() on another name, and on options the backend does not have.
std::unique_ptr<Backend> make_backend(const std::string& name, const BackendOptions& options);

}  // namespace san
