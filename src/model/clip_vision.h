#pragma once
#include <set>
#include <vector>

#include "base/small_vector.h"
#include "model/config.h"
#include "nn/transformer_block.h"

namespace san {

/// What the shallow CLIP blocks leave behind.
struct ClipFeatures {
  /// After block i (0: after ln_pre): [B, 1 + h·w, d], class token first; empty where nobody reads it.
  SmallVector<Tensor, 32> tokens;
  Grid grid;  ///< h × w

  Tensor patches(Backend& b, int layer) const;  ///< [B, h·w, d]
  /// Without all other layers' tokens.
  ClipFeatures only(int layer) const;
};

/// The vision tower of CLIP up to block F (docs/network.md §3).
class ClipVision {
 public:
  /// `read`: the layers that forward() keeps, 0 to `blocks`.
  ClipVision(const ParamScope& scope, const ClipConfig& config, int blocks, std::set<int> read);

  /// Normalised image [B, H·W, 3] at CLIP's own resolution.
  ClipFeatures forward(Backend& b, Tensor image, Grid size) const;
  const std::vector<TransformerBlock>& blocks() const { return blocks_; }

 private:
  Tensor position(Backend& b, Grid grid) const;             ///< [1, 1 + h·w, d]
  Tensor embed(Backend& b, Tensor image, Grid size) const;  ///< [B, 1 + h·w, d]

  ClipConfig config_;
  std::set<int> read_;
  Tensor class_embedding_, position_embedding_;
  PatchWeight conv1_;
  NormWeight ln_pre_;
  std::vector<TransformerBlock> blocks_;
};

}  // namespace san
