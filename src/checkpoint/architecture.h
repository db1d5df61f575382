#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "tensor/parameter_source.h"

namespace san {

/// A transformer tower as far as shapes tell. Heads cannot be told: `heads` is OpenAI's rule, width / 64, at
/// least 1.
struct TowerShape {
  std::int64_t width = 0, blocks = 0, heads = 0, mlp_width = 0;
};

/// The network behind a set of parameters under official SAN names, read off their shapes.
struct Architecture {
  TowerShape vision;                 ///< all blocks of the CLIP vision tower
  std::int64_t feature_blocks = 0;   ///< the first ones, run once for features
  std::int64_t patch = 0, grid = 0;  ///< patch in pixels; the position embedding is grid × grid
  std::int64_t embed_dim = 0;        ///< joint embedding
  TowerShape text;
  std::int64_t context = 0, vocabulary = 0;

  struct SideAdapter {
    TowerShape tower;  ///< heads: not told by shapes, left 0
    std::int64_t patch = 0, grid = 0, queries = 0;
    std::vector<std::int64_t>
        fusion_blocks;  ///< before or after which side block CLIP features are fused, ascending
    std::int64_t embed_channels = 0, mlp_channels = 0;
    std::int64_t bias_channels =
        0;  ///< embed_channels × heads of the biased attention (× layers, if not shared)
  };
  std::optional<SideAdapter> side;  ///< absent for a CLIP without side adapter
};

/// Throws Error naming the parameter that is absent or has an impossible shape.
Architecture infer_architecture(const ParameterSource& san_names);

}  // namespace san
