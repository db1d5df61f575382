#include "backend/factory/factory.h"
#include "backend/torch/factory.h"
#include "base/error.h"
#include "commands.h"

namespace san::cli {

void register_torch() {
  register_backend("torch", [](const BackendOptions& o) {
    require(o.precision == "fp32" || o.precision == "fp16" || o.precision == "bf16",
            "precision \"{}\" is unknown; expected fp32, fp16 or bf16", o.precision);
    TorchOptions options;
    options.device = o.device;
    options.threads = o.threads;
    options.precision = o.precision == "fp16"   ? Precision::kF16
                        : o.precision == "bf16" ? Precision::kBF16
                                                : Precision::kF32;
    return make_torch_backend(options);
  });
}

}  // namespace san::cli
