#pragma once
#include <string>

#include "text/bpe_tokenizer.h"

namespace san {

/// The tokenizer as the `tokenizer.json` of Hugging Face's libraries: text is cleaned as far as replacements
/// can, split as CLIP does, merged by the same merges, cut to the context. What takes judgement (text decoded
/// by a wrong table, docs/tokenizer.md) has no counterpart there.
std::string tokenizer_json(const BpeTokenizer& tokenizer);

}  // namespace san
