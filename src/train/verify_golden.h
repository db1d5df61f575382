#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "backend/torch/torch_backend.h"

namespace san {

/// One comparison with a golden file.
struct GoldenCheck {
  std::string name;        ///< "cost matrices", "gradients", …
  std::string worst;       ///< the tensor with the largest deviation, where there are several
  std::int64_t count = 0;  ///< tensors compared
  double deviation = 0;    ///< largest |ours − recorded|, relative where `relative`
  double limit = 0;
  bool relative = false;  ///< to the root mean square of the recorded tensor
  bool passed() const { return deviation <= limit; }
};

/// Replays the recorded training steps (train_tiny.safetensors, with tiny.safetensors beside it for the text
/// rows) on the torch backend: predictions, cost matrices, assignments, points, losses, every gradient,
/// parameters after one and after five steps. Throws Error when a file is missing or malformed.
std::vector<GoldenCheck> verify_training_golden(const std::filesystem::path& path,
                                                const TorchOptions& options = {});

}  // namespace san
