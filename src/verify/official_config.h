#pragma once
#include <string>

#include "model/config.h"

namespace san {

/// The configuration of a golden file: a named base and detectron2 overrides as a JSON list [key, value, key,
/// value, …] under the official names (MODEL.SAN.…, MODEL.SIDE_ADAPTER.…). Keys that do not change inference
/// are passed over; throws Error on unknown ones.
SanConfig apply_overrides(const SanConfig& base, const std::string& overrides, const std::string& where);

}  // namespace san
