#pragma once
#include <vector>

#include "model/clip_text.h"
#include "model/clip_vision.h"
#include "model/recognition_head.h"
#include "model/side_adapter.h"

namespace san {

/// What the image branch says of one supervised block: class-agnostic masks and an embedding for each.
struct SanOutput {
  Tensor mask_logits;  ///< [B, Q, h·w], stride `patch` of the padded image
  Tensor embeddings;   ///< [B, Q, D], norm 1
};

/// The image branch: shallow CLIP, side adapter, recognition (paper Fig. 2). Immutable; sessions share it.
class San {
 public:
  /// Declares (and with a loader that has a backend, prepares) every parameter of the image branch and of the
  /// classifier.
  San(ParamLoader& loader, const SanConfig& config);

  /// Normalised, padded image [B, H·W, 3]. One output per supervised block, or that of the last alone.
  /// Recognition's definition has dense masks; rewritten, SLS tokens are queries of a cross-attention and the
  /// last block updates no patches.
  SmallVector<SanOutput, 2> forward(Backend& b, Tensor image, Grid size, bool supervised = false,
                                    Form form = Form::kBackendChoice) const;
  /// CLIP without the adapter: images [B, H·W, 3] at CLIP's own resolution → [B, D].
  Tensor embed_images(Backend& b, const Tensor& images, Grid size) const;
  /// Text rows [K, D] and the learned background → classifier rows of norm 1 [1, K + 1, D], background last.
  Tensor classifier(Backend& b, const Tensor& text) const;
  /// exp(logit_scale) · embeddings · classifierᵀ: [B, Q, K + 1].
  Tensor classify(Backend& b, const Tensor& embeddings, const Tensor& classifier) const;
  /// Mask grid of a padded image.
  Grid mask_grid(Grid size) const { return {size.height / config_.patch, size.width / config_.patch}; }
  const SanConfig& config() const { return config_; }

 private:
  SanConfig config_;
  ClipVision clip_;
  SideAdapter adapter_;
  RecognitionHead recognition_;
  Tensor background_, logit_scale_;
};

/// The official recipe's rule: the side adapter, the background embedding and the position embedding of the
/// vision tower.
bool official_trainable(std::string_view name);

/// Every parameter of the whole network (image branch and text tower), in the order of the text.
std::vector<Declaration> declare_parameters(const SanConfig& config,
                                            const TrainableRule& trainable = official_trainable);

}  // namespace san
