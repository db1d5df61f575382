#pragma once
#include <string>

#include "engine/loaded_model.h"

namespace san {

/// Names a network: a hash over its shapes and its small parameters, which no two trained networks share.
/// Throws Error on parameters that cannot be read.
std::string network_hash(const LoadedModel& model);

}  // namespace san
