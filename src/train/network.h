#pragma once
#include <memory>
#include <vector>

#include "backend/torch/torch_backend_impl.h"
#include "model/san.h"
#include "train/criterion.h"

namespace san {

/// Classes as the network takes them.
struct ClassTexts {
  // NOLINTNEXTLINE(google-explicit-constructor): rows alone are classes with one name each.
  ClassTexts(at::Tensor rows_of_names = {}, at::Tensor names_of_classes = {})
      : rows(std::move(rows_of_names)), names(std::move(names_of_classes)) {}

  at::Tensor rows;  ///< [R, D], one of each name
  at::Tensor
      names;  ///< [K, S] int64: the rows of each class, where some have synonyms (shorter lists repeat one)
};

/// The network as training sees it: torch tensors in, predictions of every supervised depth out.
class TrainableSan {
 public:
  /// Loads every parameter of the image branch; those that `trainable` names require gradients.
  TrainableSan(std::shared_ptr<TorchBackend> backend, const ParameterSource& source, const SanConfig& config,
               TrainableRule trainable = official_trainable);

  /// Normalised images [B, H, W, 3] and K classes → predictions, the final one last. A class's logit is the
  /// best of its names'. `supervised`: every depth, else the final one alone.
  std::vector<Prediction> forward(const at::Tensor& images, const ClassTexts& text, bool supervised = true);

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
