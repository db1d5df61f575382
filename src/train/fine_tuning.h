#pragma once
#include <string>
#include <vector>

#include "checkpoint/model_file.h"
#include "train/recipe.h"

namespace san {

/// The recipe for fine-tuning a model on a folder of pictures: what it does not say follows the start model:
/// its input size, the rates and the parts it was trained with, its templates. Models that this program
/// trained carry rates and parts; for others a small CLIP is taken for one that was trained along with its
/// adapter (as the built-in one), a large one for one that stays frozen (as the paper's).
/// `quick`: shorter, for a folder of some thirty pictures on a few processor cores. Without MODEL.INIT or
/// MODEL.BASE among `overrides` the built-in model is the start. Throws Error as parse_recipe().
Recipe fine_tuning_recipe(const std::vector<std::string>& overrides, bool quick);

/// The same as YAML, for a network and what its file says (may be empty).
std::string fine_tuning_yaml(const SanConfig& config, const ModelMetadata& metadata, bool quick);

/// For the metadata of models a recipe leads to: what fine_tuning_yaml() reads of them.
std::string fine_tuning_facts(const Recipe& recipe);

}  // namespace san
