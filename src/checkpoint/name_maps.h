#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/parameter_source.h"

namespace san {

/// Who named the parameters.
enum class SourceLayout {
  kSan,          ///< the official SAN state dict: side adapter, both parts of the vision tower, text tower
  kOpenClip,     ///< OpenAI's CLIP and open_clip: visual.*, transformer.* (or text.*)
  kHuggingFace,  ///< transformers' CLIPModel: vision_model.*, text_model.*
};

std::string_view layout_name(SourceLayout layout);

/// Judged by the names. Throws Error saying what the source looks like when it is none of these, or a CLIP
/// whose vision tower is not a plain ViT.
SourceLayout detect_layout(const ParameterSource& source);

/// A source under the official SAN names.
struct SanSource {
  std::shared_ptr<ParameterSource> parameters;
  SourceLayout layout = SourceLayout::kSan;
  std::vector<std::string>
      dropped;  ///< source names that no parameter is made of: buffers, sizes, training state
};

/// Translates names; shapes and values are those of the source (Hugging Face's split q, k, v are stacked into
/// in_proj, its projections transposed). Of a CLIP, the first `feature_blocks` vision blocks become
/// clip_visual_extractor.*, the others clip_rec_head.* counted from 0, the text tower ov_classifier.*; the
/// side adapter is then missing. Default: three quarters of the blocks, as in both released networks. Names
/// it does not know are kept under their own name, for the caller to report.
SanSource to_san_names(std::shared_ptr<const ParameterSource> source,
                       std::optional<int> feature_blocks = std::nullopt);

}  // namespace san
