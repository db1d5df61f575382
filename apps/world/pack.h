#pragma once
#include <string>
#include <vector>

#include "world/pictures.h"

namespace san {

/// A small selection that can be shipped: of each named concept the first sprite in each of `styles`, the
/// named panoramas, and all textures. Throws Error when a concept or style is missing, or a source is not one
/// for training.
PictureFile select_pack(const PictureFile& file, const std::vector<std::string>& concepts,
                        const std::vector<std::string>& styles, const std::vector<std::string>& panoramas);

}  // namespace san
