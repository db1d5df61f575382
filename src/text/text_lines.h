#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace san {

/// `text` without white space (ASCII) around it.
std::string_view trimmed(std::string_view text);

/// Lines of a text file, trimmed, blank ones and those that begin with # left out; a byte-order mark is no
/// part of them.
std::vector<std::string> content_lines(std::string_view text);

/// Parts between separators, trimmed; empty ones are kept.
std::vector<std::string> split_trimmed(std::string_view text, char separator);

}  // namespace san
