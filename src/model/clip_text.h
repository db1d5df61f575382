#pragma once
#include <vector>

#include "model/config.h"
#include "model/form.h"
#include "nn/transformer_block.h"

namespace san {

/// Token numbers of prompts, each from start to end token; lengths may differ.
using Prompts = std::vector<std::vector<int>>;

/// The text tower of CLIP (docs/network.md §7).
class ClipText {
 public:
  ClipText(const ParamScope& scope, const ClipConfig& config);

  /// Prompts of one length, cut after their end token: ids [B, T], T ≤ context → embeddings [B, D] of norm 1.
  /// Cutting is exact because attention is causal. Of prompts filled up to one length, `ends` [B, 1, T] has a
  /// one at each end token and zeros elsewhere.
  Tensor forward(Backend& b, const Tensor& ids, const Tensor& ends = {}) const;

  /// Prompts of any lengths ≤ context → embeddings [prompts, D] of norm 1. By definition each alone;
  /// rewritten, every token that several of them have in common up to there is computed once, which is exact
  /// because attention is causal, and the last block asks for end tokens alone.
  Tensor encode(Backend& b, const Prompts& prompts, Form form = Form::kBackendChoice) const;

 private:
  Tensor encode_together(Backend& b, const Prompts& prompts) const;
  /// ln_final and the projection: [B, T, d] → [B·T, D] of norm 1.
  Tensor project(Backend& b, const Tensor& ends) const;

  TableWeight token_embedding_;
  Tensor position_embedding_;
  std::vector<TransformerBlock> blocks_;
  NormWeight ln_final_;
  LinearWeight projection_;
};

/// Prompts as a tree, in which those that begin alike share the nodes of their beginning.
struct PromptTree {
  explicit PromptTree(const Prompts& prompts);

  TokenTree tree;
  std::vector<std::int32_t> ids;   ///< token numbers of the nodes
  std::vector<std::int32_t> ends;  ///< the node of each prompt's last token
};

/// Token numbers of prompts of one length as the tower's forward() takes them: [prompts, length].
Tensor prompt_ids(Backend& b, const Prompts& prompts);

}  // namespace san
