#pragma once
#include <memory>
#include <vector>

#include "backend/torch/torch_backend_impl.h"
#include "model/san.h"
#include "train/criterion.h"

namespace san {

/// The network as training sees it: torch tensors in, predictions of every supervised depth out.
class TrainableSan {
 public:
  /// Loads every parameter of the image branch; those that `trainable` names require gradients.
  TrainableSan(std::shared_ptr<TorchBackend> backend, const ParameterSource& source, const SanConfig& config,
               TrainableRule trainable = official_trainable);

  /// Normalised images [B, H, W, 3] and text rows [K, D] → predictions, the final one last. `supervised`:
  /// every depth, else the final one alone.
  std::vector<Prediction> forward(const at::Tensor& images, const at::Tensor& text, bool supervised = true);

  TorchBackend& backend() { return *backend_; }
  const San& network() const { return *network_; }
  const SanConfig& config() const { return network_->config(); }

 private:
  std::shared_ptr<TorchBackend> backend_;
  std::unique_ptr<San> network_;
};

/// (x − 255·mean) / (255·std) of 8-bit RGB [B, H, W, 3], with CLIP's constants.
at::Tensor normalized_images(const at::Tensor& rgb);

}  // namespace san
