#include "backend/factory/factory.h"
#include "backend/torch/torch_backend.h"
#include "base/error.h"
#include "commands.h"
#include "engine/default_model.h"
#include "hub/store.h"
#include "train/start_model.h"

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
  set_model_opener([](const std::string& name) {
    return name == "default" ? open_default_model() : open_model_file(model_file_of(name));
  });
}

}  // namespace san::cli
