#pragma once
#include <string>
#include <string_view>

namespace san {

/// What CLIP does to a text before splitting it into words: repairs of broken Unicode (ftfy.fix_text; see
/// docs/tokenizer.md for what is repaired), HTML references resolved twice, white space collapsed to single
/// blanks and trimmed, lower case. Throws Error when `text` is not UTF-8.
std::u32string clean_text(std::string_view text);

/// The repairs alone.
std::u32string repair_text(std::u32string_view text);

}  // namespace san
