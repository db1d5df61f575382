#pragma once
#include <functional>

#include "method/registry.h"

namespace san {

/// A text tower as VocabularyEncoder calls it, on `backend`, which must outlive it. `prepare` is called when
/// the first prompt comes.
EncodePrompts prompt_encoder(Backend& backend, std::function<TextForward()> prepare);

}  // namespace san
