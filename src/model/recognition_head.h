#pragma once
#include <vector>

#include "model/clip_vision.h"

namespace san {

/// The deep CLIP blocks, where copies of the class token (SLS tokens) are steered by the attention biases to
/// name each mask proposal (paper §3.2, docs/network.md §6).
class RecognitionHead {
 public:
  /// Blocks before `config.feature_layer` (two forwards of CLIP) are those of the shallow tower, run again.
  RecognitionHead(const ParamScope& scope, const SanConfig& config, const ClipVision& shallow);

  /// bias [B, groups, Q, h·w] on CLIP's grid → embeddings [B, Q, D] of norm 1. `definition` computes the
  /// dense masked attention of the paper instead of the equal, cheaper form.
  Tensor forward(Backend& b, const ClipFeatures& clip, const Tensor& bias, bool definition) const;

  /// CLIP's own answer for the whole picture: the class token through the deep blocks → [B, D] of norm 1.
  Tensor class_embedding(Backend& b, const ClipFeatures& clip) const;
  /// MaskCLIP's dense features (Zhou et al., ECCV 2022): in the last block every patch keeps its own value
  /// instead of attending; no residual, no MLP → [B, h·w, D] of norm 1.
  Tensor dense_embeddings(Backend& b, const ClipFeatures& clip) const;

 private:
  Tensor embed(Backend& b, const Tensor& x) const;  ///< ln_post, projection, normalisation
  Tensor dense_mask(Backend& b, const Tensor& bias) const;
  Tensor layer_bias(Backend& b, const Tensor& bias, std::size_t layer) const;

  SanConfig config_;
  std::vector<TransformerBlock> blocks_;
  NormWeight ln_post_;
  LinearWeight projection_;
};

}  // namespace san
