#pragma once
#include <memory>

#include "verify/golden.h"

namespace san {

/// The network on a backend, in the form that the backend runs in practice and in the paper's, which adds
/// what the cheaper one never computes (the dense mask, patch tokens of the last block).
std::unique_ptr<GoldenNetwork> make_own_network(Backend& backend, const SanConfig& config,
                                                const ParameterSource& parameters);

}  // namespace san
