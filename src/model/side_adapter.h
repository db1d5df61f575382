#pragma once
#include <map>
#include <optional>
#include <vector>

#include "model/clip_vision.h"

namespace san {

/// Mask proposals and attention biases of one supervised block (docs/network.md §5).
struct Proposals {
  Tensor mask_logits;  ///< [B, Q, h·w] on the side adapter's grid
  Tensor bias;         ///< [B, groups, Q, L], pooled to CLIP's grid
};

/// The first two layers of a head, each with its ReLU.
struct HeadLayers {
  HeadLayers(const ParamScope& scope, std::int64_t in, std::int64_t hidden, bool convolution);
  Tensor forward(Backend& b, const Tensor& x) const;

  LinearWeight first, second;
};

/// A three-layer perceptron.
struct HeadMlp {
  HeadMlp(const ParamScope& scope, std::int64_t in, std::int64_t hidden, std::int64_t out, bool convolution);
  Tensor forward(Backend& b, const Tensor& x) const { return b.linear(layers.forward(b, x), last); }

  HeadLayers layers;
  LinearWeight last;
};

/// The perceptron of the attention biases: its last layer meets the queries unmultiplied.
struct BiasMlp {
  BiasMlp(const ParamScope& scope, const SanConfig& config);

  HeadLayers layers;
  GroupedLinearWeight last;
};

/// The trained network beside CLIP: a light ViT over queries and patches of the full-resolution image that
/// takes in CLIP's shallow features and predicts masks and, separately, attention biases (paper §3.1–3.2,
/// docs/network.md §4, §5).
class SideAdapter {
 public:
  SideAdapter(const ParamScope& scope, const SanConfig& config);

  /// One entry per supervised block, or the last alone: image [B, H·W, 3] → masks on the grid (H/p) × (W/p).
  SmallVector<Proposals, 2> forward(Backend& b, Tensor image, Grid size, ClipFeatures clip,
                                    bool supervised) const;

 private:
  struct Fusion {
    int clip_layer;
    NormWeight norm;
    LinearWeight projection;
  };
  Tensor position(Backend& b, Grid grid) const;
  /// Queries before the image's patches, without positions: [B, Q + h·w, w].
  Tensor embed(Backend& b, const Tensor& image, Grid size) const;
  Tensor fuse(Backend& b, int block, const Tensor& x, Grid grid, const ClipFeatures& clip) const;
  Proposals decode(Backend& b, const Tensor& x, Grid grid, Grid clip_grid) const;

  SanConfig config_;
  Tensor query_embed_, query_position_, position_embedding_;
  PatchWeight patch_embed_;
  std::vector<TransformerBlock> blocks_;
  std::map<int, Fusion> fusion_;
  HeadMlp query_mlp_, pix_mlp_;
  std::optional<BiasMlp> attn_mlp_;  ///< none: the mask logits serve as bias
  BiasScaling scaling_;
};

}  // namespace san
