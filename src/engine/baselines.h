#pragma once
#include <string>

#include "engine/engine.h"

namespace san {

/// How labels are made from a model: the network itself, or one of the baselines it is measured against, on
/// the same CLIP.
enum class Method : std::uint8_t {
  kSan,
  kMaskClip,  ///< dense CLIP features, no adapter (Zhou et al., ECCV 2022); needs CLIP alone
  kCrops,     ///< two stages: the adapter's masks, each cut out of the picture and named by CLIP
};
/// "san", "maskclip", "crops"; throws Error listing them.
Method parse_method(const std::string& name);

/// Every pixel gets the class whose text is most like MaskCLIP's feature there: similarities on CLIP's patch
/// grid, resized bilinearly. The picture's short side is `short_side` pixels for CLIP (0: what SAN would show
/// it).
LabelMap maskclip_labels(Session& session, const Image& image,
                         const std::shared_ptr<const TextEmbeddings>& vocabulary, int short_side = 0);

/// The class logits of each mask come from CLIP's class token on the mask's bounding box, what lies outside
/// the mask greyed out.
LabelMap crop_labels(Session& session, const Image& image,
                     const std::shared_ptr<const TextEmbeddings>& vocabulary);

}  // namespace san
