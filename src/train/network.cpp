#include "train/network.h"

#include "image/preprocess.h"

namespace san {
namespace {

/// Logits of names [B, Q, R + 1] to those of classes [B, Q, K + 1].
at::Tensor best_of_names(const at::Tensor& logits, const at::Tensor& names) {
  if (!names.defined()) return logits;
  const at::Tensor best = logits.index_select(2, names.flatten())
                              .view({logits.size(0), logits.size(1), names.size(0), names.size(1)})
                              .amax(3);
  return at::cat({best, logits.narrow(2, logits.size(2) - 1, 1)}, 2);
}

}  // namespace

TrainableSan::TrainableSan(std::shared_ptr<TorchBackend> backend, const ParameterSource& source,
                           const SanConfig& config, TrainableRule trainable)
    : backend_(std::move(backend)) {
  ParamLoader loader(*backend_, source, std::move(trainable));
  network_ = std::make_unique<San>(loader, config);
}

std::vector<Prediction> TrainableSan::forward(const at::Tensor& images, const ClassTexts& text,
                                              bool supervised) {
  const std::int64_t batch = images.size(0);
  const Grid size{images.size(1), images.size(2)};
  const Grid grid = network_->mask_grid(size);
  TorchBackend& b = *backend_;
  const Tensor image = TorchBackend::from_torch(images.view({batch, size.tokens(), 3}));
  const Tensor classifier = network_->classifier(b, TorchBackend::from_torch(text.rows));
  std::vector<Prediction> predictions;
  for (const SanOutput& out : network_->forward(b, image, size, supervised))
    predictions.push_back(
        {best_of_names(b.to_torch(network_->classify(b, out.embeddings, classifier)), text.names),
         b.to_torch(out.mask_logits).view({batch, network_->config().queries, grid.height, grid.width})});
  return predictions;
}

at::Tensor normalized_images(const at::Tensor& rgb) {
  const auto of_bytes = [&](const std::array<double, 3>& values) {
    return at::tensor(at::ArrayRef<double>(values), at::kDouble).mul(255).to(at::kFloat).to(rgb.device());
  };
  return (rgb.to(at::kFloat) - of_bytes(kClipMean)) / of_bytes(kClipDeviation);
}

}  // namespace san
