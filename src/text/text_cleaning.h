#pragma once
#include <string>
#include <string_view>

namespace san {

/// What CLIP does to a text before splitting it into words: repairs of broken Unicode (ftfy.fix_text; see
/// docs/tokenizer.md for what is repaired), HTML references resolved twice, white space collapsed to single
/// blanks and trimmed, lower case. Takes time in proportion to the text's length. Throws Error when `text` is
/// not UTF-8, or needs more than 15 repairs one upon the other.
std::u32string clean_text(std::string_view text);

/// The repairs alone; the same errors.
std::u32string repair_text(std::u32string_view text);

}  // namespace san
