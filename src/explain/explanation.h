#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace san {

/// A layer of CLIP's image tower as colours: its patch features projected on the three directions in which
/// they differ most.
struct FeatureColors {
  int layer = 0;                  ///< 0: before the first block
  std::vector<std::uint8_t> rgb;  ///< [patches, 3]
  float share = 0;                ///< of the features' variance that the colours show, 0 … 1
};

/// What the SLS tokens looked at in one of CLIP's last blocks: the mean over heads of their attention.
struct SlsAttention {
  int block = 0;               ///< of CLIP, counted from 0
  std::vector<float> patches;  ///< [queries, patches]
  std::vector<float> own;      ///< [queries]: what each gave to itself; with its patches it adds up to 1
};

/// How one picture became labels, stage by stage, as in the figure of the paper (arXiv 2302.12242, Fig. 2).
/// docs/network.md has the names.
struct Explanation {
  int height = 0, width = 0;  ///< of the picture
  Size input, content;        ///< of the adapter's input, padded and without its padding, pixels
  Size clip_input;
  Grid clip_grid, mask_grid;
  int queries = 0, heads = 0;

  std::vector<FeatureColors> features;  ///< every layer that CLIP's first blocks give
  std::vector<float> masks;             ///< mask logits [queries, mask_grid]
  std::vector<float> bias;              ///< of the first of CLIP's last blocks [heads, queries, clip_grid]
  std::vector<SlsAttention> attention;  ///< one per block behind the features
  std::vector<std::string> classes;
  std::vector<float> probabilities;  ///< [queries, classes + 1], the last the learned background
  bool other = false;                ///< whether pixels that the background wins are "other"
  SegmentationResult result;         ///< what all of it adds up to
};

/// Looks at the picture and keeps what passes by. Throws Error as Session::segment() does, and for methods
/// without queries that CLIP is asked with, and on backends that run the definition, where no SLS token asks
/// on its own.
Explanation explain(Session& session, const Image& picture,
                    const std::shared_ptr<const TextEmbeddings>& vocabulary, const SegmentOptions& options);

/// Colours of vectors [count, channels]: their first three principal components, each stretched to its range.
/// `share` gets the part of the variance that these have.
std::vector<std::uint8_t> principal_colors(std::span<const float> vectors, std::int64_t channels,
                                           float& share);

/// Mean over heads of softmax(q kᵀ / √(d / heads) + bias) over the patches' keys and the token's own, which
/// has no bias: queries and own [Q, d], keys [L, d], bias [heads or 1, Q, L].
SlsAttention sls_attention(std::span<const float> queries, std::span<const float> own,
                           std::span<const float> keys, std::span<const float> bias, std::int64_t width,
                           int heads);

}  // namespace san
