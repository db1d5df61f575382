#pragma once
#include <string>

#include "text/bpe_tokenizer.h"

namespace san {

/// The tokenizer as the `tokenizer.json` of Hugging Face's libraries: text is put into canonical composition
/// and lower case, split as CLIP does, merged by the same merges, cut to the context. Our further repairs of
/// broken text (docs/tokenizer.md) have no counterpart there.
std::string tokenizer_json(const BpeTokenizer& tokenizer);

}  // namespace san
