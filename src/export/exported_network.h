#pragma once
#include "verify/golden.h"

namespace san {

/// The network as exported graphs with free sizes, recorded for the purpose and run in ONNX Runtime
/// (run_in_onnx_runtime). Its intermediate values are further outputs of the same graph.
std::unique_ptr<GoldenNetwork> make_exported_network(const SanConfig& config,
                                                     const ParameterSource& parameters, int opset,
                                                     int threads);

}  // namespace san
