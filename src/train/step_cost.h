#pragma once
#include <cstdint>

#include "model/config.h"
#include "nn/param_scope.h"

namespace san {

/// Multiply-adds of the products (linear layers, patch embeddings, attention, classification) that a training
/// step cannot do without.
struct StepCost {
  std::int64_t forward = 0;
  /// Gradients of a product's inputs, only where something trainable lies below them …
  std::int64_t backward_inputs = 0;
  /// … and of its weights, only where these are trained.
  std::int64_t backward_weights = 0;
  /// Values of the forward pass that are kept for the backward pass.
  std::int64_t kept_values = 0;
  std::int64_t total() const { return forward + backward_inputs + backward_weights; }
};

/// From shapes alone, for `batch` pictures of `size` with `classes` class names, every supervised output
/// computed and classified, all exact rewrites taken, nothing computed twice. Each product costs the same
/// again for each operand that needs a gradient. Not counted, as nowhere in the house: what is no product
/// (norms, softmax, resampling, the optimiser), and the loss, whose products are below a hundredth of the
/// network's.
StepCost step_cost(const SanConfig& config, const TrainableRule& trainable, Grid size, std::int64_t batch,
                   std::int64_t classes);

}  // namespace san
