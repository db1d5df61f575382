#pragma once
#include <vector>

#include "model/config.h"
#include "nn/transformer_block.h"

namespace san {

/// The text tower of CLIP (docs/network.md §7).
class ClipText {
 public:
  ClipText(const ParamScope& scope, const ClipConfig& config);

  /// Prompts of one length, cut after their end token: ids [B, T], T ≤ context → embeddings [B, D] of norm 1.
  /// Cutting is exact because attention is causal. Of prompts filled up to one length, `ends` [B, 1, T] has a
  /// one at each end token and zeros elsewhere.
  Tensor forward(Backend& b, const Tensor& ids, const Tensor& ends = {}) const;

 private:
  TableWeight token_embedding_;
  Tensor position_embedding_;
  std::vector<TransformerBlock> blocks_;
  NormWeight ln_final_;
  LinearWeight projection_;
};

/// Token numbers of prompts of one length as what the tower takes: [prompts, length].
Tensor prompt_ids(Backend& b, const std::vector<std::vector<int>>& prompts);

}  // namespace san
