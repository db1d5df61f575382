#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"

namespace san {

/// One tensor of a golden file against ours.
struct TensorCheck {
  std::string name;
  std::int64_t values = 0;
  double max_error = 0;
  double rms = 0;    ///< of the golden values
  double bound = 0;  ///< on max_error; 0: exact
  std::string note;  ///< where the bound comes from when it is not the recorded noise, or what failed
  bool passed = false;
};

struct GoldenReport {
  std::string description;  ///< case, weights and network
  std::vector<TensorCheck> checks;
  bool passed() const;
};

struct VerifyOptions {
  std::filesystem::path bpe;  ///< CLIP's merges; without, token ids are taken from the file, not checked
  /// A tensor may differ by this many times the recorded float32 noise of the authors' own run.
  double noise_factor = 20;
  int threads = 0;
};

/// Recomputes an inference golden file of the authors' code, from the weights inside it or by its formula,
/// and compares every tensor. Throws Error naming the file when it is not a golden file, when its parts
/// contradict each other, and beyond these limits: 1e9 parameters, 32768 tokens a branch, 2^29 values of
/// scores or mask logits at the picture's size, 65535 pixels a side, 65535 classes, 1000 templates.
GoldenReport verify_inference(const std::filesystem::path& golden, Backend& backend,
                              const VerifyOptions& options);

/// Which kind of golden file this is; throws Error for another file.
enum class GoldenKind { kInference, kTraining };
GoldenKind golden_kind(const std::filesystem::path& golden);

}  // namespace san
