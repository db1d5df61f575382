#pragma once
#include <string>
#include <string_view>

namespace san {

/// Replaces HTML character references as Python's html.unescape does: the HTML5 names (the longest known
/// prefix when the semicolon is missing) and numeric references with the standard's corrections.
std::u32string unescape_html(std::u32string_view text);

/// Only references that end in a semicolon and are known, as text repair wants it.
std::u32string unescape_html_strict(std::u32string_view text);

}  // namespace san
