#pragma once
#include <set>
#include <string>

#include "method/registry.h"

namespace san {

/// Names of the text tower's parameters.
std::set<std::string> text_parameters(const TextTower& tower);

/// SHA-256 over the text tower's shape and values: what an embedding of a prompt depends on.
std::string hash_text_tower(const std::string& config_json, const TextTower& tower,
                            const ParameterSource& parameters);

/// Metadata key under which a model file carries hash_text_tower().
inline constexpr const char* kTextHashKey = "text_tower_sha256";

}  // namespace san
