#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "backend/backend.h"
#include "base/thread_pool.h"

namespace san {

struct BackendOptions {
  int threads = 0;             ///< 0: one per processor the process may use
  std::string device = "cpu";  ///< "cpu"; with a backend that has others, "cuda" or "cuda:N"
  /// "fp32"; with the native backend "int8", and "bf16" where the processor multiplies it; with torch "bf16",
  /// on CUDA "fp16".
  std::string precision = "fp32";
  /// Threads that the native backend shares with others; null: `threads` of its own.
  std::shared_ptr<ThreadPool> pool = nullptr;
  /// With "int8" and the native "bf16": which linear layers' weights [out, in] are, by name; null: all.
  std::function<bool(std::string_view name)> blocks = nullptr;
  /// "fp32"; with the native backend also "int8" and "bf16": of the linear layers whose weights `text` names.
  std::string text_precision = "fp32";
  std::function<bool(std::string_view name)> text = nullptr;
  bool exact_attention = false;  ///< of the native backend: attention stays float32 whatever the precision
};

/// What "auto" and "model" mean with that backend on this processor; any other precision is itself. "model"
/// is "int8" for a model whose file holds int8 weights where the native backend is faster so, else "fp32".
std::string chosen_precision(const std::string& backend, const std::string& precision, bool int8_weights);
/// What "auto" means for the text tower: "int8" where the native backend is faster so, else "fp32"; any other
/// is itself.
std::string chosen_text_precision(const std::string& backend, const std::string& precision);

using BackendMaker = std::function<std::unique_ptr<Backend>(const BackendOptions&)>;

/// Adds a backend to those make_backend() knows ("native" and "reference" from the start). Not thread-safe:
/// call it first.
void register_backend(const std::string& name, BackendMaker maker);

/// Names make_backend() takes, sorted.
std::vector<std::string> backend_names();

/// Throws Error listing backend_names() on another name, and on options the backend does not have.
std::unique_ptr<Backend> make_backend(const std::string& name, const BackendOptions& options);

}  // namespace san
