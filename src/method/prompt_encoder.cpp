#include "method/prompt_encoder.h"

namespace san {

EncodePrompts prompt_encoder(Backend& backend, std::function<TextForward()> prepare) {
  return [&backend, prepare = std::move(prepare),
          forward = TextForward()](const std::vector<std::vector<int>>& prompts) mutable {
    if (!forward) forward = prepare();
    std::vector<std::int32_t> ids;
    for (const auto& prompt : prompts) ids.insert(ids.end(), prompt.begin(), prompt.end());
    const Shape shape{static_cast<std::int64_t>(prompts.size()),
                      static_cast<std::int64_t>(prompts[0].size())};
    return backend.to_host(forward(backend, backend.from_ids(shape, ids)));
  };
}

}  // namespace san
