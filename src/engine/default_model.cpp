#include "engine/default_model.h"

#include "base/error.h"
#include "hub/store.h"
#ifdef SAN_DEFAULT_MODEL
#include "embedded/default_model.h"
#endif

namespace san {

#ifdef SAN_DEFAULT_MODEL

bool has_default_model() {
  return true;
}

ModelSource open_default_model() {
  return open_model_file(
      FileBytes::view(std::as_bytes(std::span(embedded::default_model())), "the built-in model"));
}

#else

bool has_default_model() {
  return false;
}

ModelSource open_default_model() {
  fail(
      "this program was built without a default model; give one with --model FILE (made by `san convert`) or "
      "try "
      "--model formula:vit-b-16, the real network with random weights");
}

#endif

ModelSource open_any_model(const std::string& name) {
  return name == "default" ? open_default_model() : open_model_source(model_file_of(name));
}

}  // namespace san
