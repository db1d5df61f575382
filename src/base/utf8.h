#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace san {

/// The first code point of UTF-8 text.
struct Utf8CodePoint {
  char32_t value;
  std::size_t length;  ///< bytes; 0: malformed (overlong forms, surrogates, values above U+10FFFF, cut short)
};

/// `text` is not empty.
Utf8CodePoint decode_code_point(std::string_view text);

/// `text` as it may be shown on a terminal or in a message, whoever wrote it: control characters, marks that
/// turn the direction of writing and bytes that are not UTF-8 become escapes such as \x1b or \u202e; what is
/// longer than `limit` bytes ends in "…".
std::string printable(std::string_view text, std::size_t limit = std::string_view::npos);

/// The same for text of several lines, which stay.
std::string printable_lines(std::string_view text);

/// Whether printable() leaves the text as it is.
bool is_printable(std::string_view text);

}  // namespace san
