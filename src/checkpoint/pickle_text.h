#pragma once
#include <string>
#include <string_view>

namespace san {

/// The text forms of strings in pickles; results are UTF-8 or raw bytes.

/// A quoted protocol-0 string with Python's escapes, to its bytes. Throws Error naming `where` unless it is
/// quoted.
std::string pickle_unquote(std::string_view quoted, const std::string& where);
/// Raw-unicode-escape text (\uXXXX, \UXXXXXXXX; the rest Latin-1) to UTF-8.
std::string pickle_unescape_unicode(std::string_view text);
/// UTF-8 text to Latin-1 bytes; characters beyond become '?'.
std::string pickle_latin1(std::string_view utf8);

}  // namespace san
