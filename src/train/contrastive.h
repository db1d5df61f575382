#pragma once
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "backend/torch/torch_backend_impl.h"
#include "model/clip_text.h"
#include "model/clip_vision.h"
#include "text/bpe_tokenizer.h"

namespace san {

/// A whole CLIP for contrastive training, its parameters under SAN's names so that the side adapter finds
/// them.
class ContrastiveClip {
 public:
  /// `feature_layer`: the vision blocks before it are SAN's shallow ones. Everything that `trainable` names
  /// is trained.
  ContrastiveClip(std::shared_ptr<TorchBackend> backend, const ParameterSource& source,
                  const ClipConfig& config, int feature_layer, TrainableRule trainable);

  /// Normalised images [B, H, W, 3] → embeddings [B, D] of norm 1.
  at::Tensor embed_images(const at::Tensor& images);
  /// Token numbers of prompts, each from start to end token → embeddings [B, D] of norm 1.
  at::Tensor embed_prompts(const std::vector<std::vector<int>>& prompts);
  /// ln of the factor on cosine similarities, a single value.
  at::Tensor logit_scale() const;
  TorchBackend& backend() { return *backend_; }

 private:
  std::shared_ptr<TorchBackend> backend_;
  ParamLoader loader_;
  ClipVision vision_;
  std::vector<TransformerBlock> deep_;
  NormWeight ln_post_;
  LinearWeight projection_;
  ClipText text_;
  Tensor logit_scale_;
};

/// Symmetric InfoNCE of this process's pairs [B, D] against those of all processes [N, D], among which it has
/// the rows from `first` on; alone, both are the same. `alike` lists (image, text) of all that match without
/// being a pair: they count neither for nor against.
at::Tensor info_nce(const at::Tensor& images, const at::Tensor& texts, const at::Tensor& all_images,
                    const at::Tensor& all_texts, std::int64_t first, const at::Tensor& logit_scale,
                    const std::vector<std::pair<int, int>>& alike = {});

/// (i, j), i ≠ j, for which caption j names what picture i shows, given the subjects of each pair, the
/// principal one first.
std::vector<std::pair<int, int>> alike_pairs(std::span<const std::vector<int>> subjects);

}  // namespace san
