#include "backend/backend_suite/suite.h"
#include "backend/torch/torch_backend.h"

namespace {

const int kCases = san::suite::register_backend(
    "torch", [] { return san::make_torch_backend(); },
    {{"resize", 2e-5, "libtorch finds the taps' places in float32, 45 pixels from zero"},
     {"layer_norm", 2e-4, "libtorch folds a mean of 20 into the bias, in float32"}});

}  // namespace
