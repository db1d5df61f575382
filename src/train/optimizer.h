#pragma once
#include <map>
#include <string>
#include <vector>

#include "backend/torch/torch_parameters.h"

namespace san {

struct OptimizerOptions {
  double lr = 1e-4, weight_decay = 1e-4;
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  double weight_decay_norm = 0, weight_decay_embed = 0;
  double clip_norm = 0.01;     ///< of all gradients together; 0: not clipped
  double clip_multiplier = 1;  ///< of lr for CLIP's parameters
  bool muon = false;           ///< for the matrices of transformer blocks
  double muon_lr = 0.02, muon_momentum = 0.95, muon_weight_decay = 0;
};

/// AdamW as torch.optim.AdamW computes it and, on request, Muon (orthogonalised momentum, Jordan 2024) for
/// the matrices of transformer blocks. Moves the parameters into one buffer, and their gradients into
/// another: a step, a norm and an all-reduce are few operations on few tensors.
class Optimizer {
 public:
  Optimizer(TorchParameters& parameters, const OptimizerOptions& options);

  void zero_grad();
  /// All gradients, one flat tensor.
  const at::Tensor& gradients() const { return gradients_; }
  /// All trained parameters likewise.
  at::Tensor& values() { return values_; }
  /// Where each parameter's gradient lies in gradients().
  struct Range {
    std::string name;
    std::int64_t begin = 0, end = 0;
  };
  const std::vector<Range>& ranges() const { return ranges_; }

  /// Divides the gradients by `divisor` and returns their norm, on the device.
  at::Tensor norm(double divisor = 1);
  /// Clips gradients of this norm and steps with `lr_factor` times the rates.
  void step(double lr_factor, const at::Tensor& norm);
  std::int64_t steps() const { return steps_; }

  /// Per parameter state under "<kind>/<parameter>": first and second moments, momenta.
  std::map<std::string, at::Tensor> state() const;
  /// Throws Error when a tensor is missing or misshapen.
  void load_state(const std::map<std::string, at::Tensor>& state, std::int64_t steps);

 private:
  struct Group {
    std::int64_t begin = 0, end = 0;
    double lr = 0, weight_decay = 0;
    std::int64_t rows = 0, columns = 0;  ///< of each matrix; 0: an AdamW group
  };
  void adamw(const Group& group, double factor);
  void muon(const Group& group, double factor);

  OptimizerOptions options_;
  std::vector<Group> groups_;
  std::vector<Range> ranges_;
  std::map<std::string, at::Tensor> leaves_;
  at::Tensor values_, gradients_, first_, second_;  // momenta of Muon live in first_
  std::int64_t steps_ = 0;
};

/// The weight decay of a parameter in the official recipe: 0 for the LayerNorms of transformer blocks and for
/// embeddings of positions and queries.
double weight_decay_of(const std::string& name, const OptimizerOptions& options);

/// Nearest semi-orthogonal matrices of a stack [n, r, c], by five Newton–Schulz steps (singular values end
/// near 1).
at::Tensor orthogonalized(const at::Tensor& matrices);

}  // namespace san
