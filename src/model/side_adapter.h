#pragma once
#include <map>
#include <vector>

#include "model/clip_vision.h"

namespace san {

/// Mask proposals and attention biases of one supervised block (REFERENCE §5).
struct Proposals {
  Tensor mask_logits;  ///< [B, Q, h·w] on the side adapter's grid
  Tensor bias;         ///< [B, groups, Q, h·w] on the same grid, before pooling to CLIP's
};

/// A three-layer perceptron with ReLU between the layers.
struct HeadMlp {
  HeadMlp(const ParamScope& scope, std::int64_t in, std::int64_t hidden, std::int64_t out, bool convolution);
  Tensor hidden(Backend& b, const Tensor& x) const;  ///< after the second ReLU
  Tensor forward(Backend& b, const Tensor& x) const { return b.linear(hidden(b, x), last); }

  LinearWeight first, second, last;
};

/// The trained network beside CLIP: a light ViT over queries and patches of the full-resolution image that
/// takes in CLIP's shallow features and predicts masks and, separately, attention biases (paper §3.1–3.2,
/// REFERENCE §4, §5).
class SideAdapter {
 public:
  SideAdapter(const ParamScope& scope, const SanConfig& config);

  /// One entry per supervised block, or the last alone: image [B, H·W, 3] → masks on the grid (H/p) × (W/p).
  std::vector<Proposals> forward(Backend& b, const Tensor& image, Grid size, const ClipFeatures& clip,
                                 bool supervised) const;

 private:
  struct Fusion {
    int clip_layer;
    NormWeight norm;
    LinearWeight projection;
  };
  Tensor position(Backend& b, Grid grid) const;
  Tensor fuse(Backend& b, int block, const Tensor& x, Grid grid, const ClipFeatures& clip) const;
  Proposals decode(Backend& b, const Tensor& x) const;

  SanConfig config_;
  Tensor query_embed_, query_position_, position_embedding_;
  PatchWeight patch_embed_;
  std::vector<TransformerBlock> blocks_;
  std::map<int, Fusion> fusion_;
  HeadMlp query_mlp_, pix_mlp_;
  std::vector<HeadMlp> attn_mlp_;  // empty with a single head
  BiasScaling scaling_;
};

}  // namespace san
