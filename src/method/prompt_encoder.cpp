#include "method/prompt_encoder.h"

#include "model/clip_text.h"

namespace san {

EncodePrompts prompt_encoder(Backend& backend, std::function<TextForward()> prepare) {
  return [&backend, prepare = std::move(prepare),
          forward = TextForward()](const std::vector<std::vector<int>>& prompts) mutable {
    if (!forward) forward = prepare();
    return backend.to_host(forward(backend, prompt_ids(backend, prompts)));
  };
}

}  // namespace san
