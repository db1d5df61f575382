#pragma once
#include <vector>

#include "base/small_vector.h"
#include "model/config.h"
#include "nn/transformer_block.h"

namespace san {

/// What the shallow CLIP blocks leave behind.
struct ClipFeatures {
  SmallVector<Tensor, 32> tokens;  ///< after block i (0: after ln_pre): [B, 1 + h·w, d], class token first
  Grid grid;                       ///< h × w

  Tensor patches(Backend& b, int layer) const;  ///< [B, h·w, d]
};

/// The vision tower of CLIP up to block F (docs/network.md §3).
class ClipVision {
 public:
  ClipVision(const ParamScope& scope, const ClipConfig& config, int blocks);

  /// Normalised image [B, H·W, 3] at CLIP's own resolution.
  ClipFeatures forward(Backend& b, const Tensor& image, Grid size) const;
  const std::vector<TransformerBlock>& blocks() const { return blocks_; }

 private:
  Tensor position(Backend& b, Grid grid) const;  ///< [1, 1 + h·w, d]

  ClipConfig config_;
  Tensor class_embedding_, position_embedding_;
  PatchWeight conv1_;
  NormWeight ln_pre_;
  std::vector<TransformerBlock> blocks_;
};

}  // namespace san
