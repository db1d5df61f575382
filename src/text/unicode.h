#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace san::unicode {

/// Code points of UTF-8 text; throws Error naming the byte offset of the first malformed sequence
/// (overlong forms, surrogates and values above U+10FFFF are malformed).
std::u32string decode_utf8(std::string_view text);
/// The same, nothing instead of an error.
std::optional<std::u32string> try_decode_utf8(std::string_view text);

void append_utf8(std::string& out, char32_t c);
std::string encode_utf8(std::u32string_view text);

/// General category L / N, and the White_Space property.
bool is_letter(char32_t c);
bool is_number(char32_t c);
bool is_space(char32_t c);

/// Full lower-casing without locale, final sigma and U+0130 included.
std::u32string to_lower(std::u32string_view text);

/// Canonical composition (NFC).
std::u32string nfc(std::u32string_view text);

/// Fullwidth and halfwidth forms (U+FF01…U+FFEF) and the ideographic space in their ordinary width.
std::u32string ordinary_width(std::u32string_view text);

}  // namespace san::unicode
