#include "method/prompt_encoder.h"

namespace san {

EncodePrompts prompt_encoder(Backend& backend, std::function<TextForward()> prepare) {
  return [&backend, prepare = std::move(prepare),
          forward = TextForward()](const std::vector<std::vector<int>>& prompts) mutable {
    if (!forward) forward = prepare();
    return backend.to_host(forward(backend, prompts));
  };
}

}  // namespace san
