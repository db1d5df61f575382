#pragma once
#include <memory>
#include <string>

#include "model/config.h"
#include "tensor/parameter_source.h"

namespace san {

/// Initial values of the trainable parts by the official recipe (DATASETS: timm's ViT, Caffe2-Xavier fusion,
/// torch's defaults in the heads) from a seed, the same on every machine: side_adapter_network.* and
/// ov_classifier.bg_embed.
std::unique_ptr<ParameterSource> initial_adapter(const SanConfig& config, std::uint64_t seed);

}  // namespace san
