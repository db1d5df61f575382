#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace san {

/// `text` without white space (ASCII) around it.
std::string_view trimmed(std::string_view text);

/// Calls `take` with each part between separators, trimmed; empty ones too.
void for_each_part(std::string_view text, char separator, const std::function<void(std::string_view)>& take);

/// Calls `take` with the lines of a text file, trimmed, and their numbers from 1; leaves out blank lines and
/// those that begin with #. A byte-order mark is no part of them.
void for_each_content_line(std::string_view text,
                           const std::function<void(std::string_view, std::size_t)>& take);

/// The same, as vectors.
std::vector<std::string> split_trimmed(std::string_view text, char separator);
std::vector<std::string> content_lines(std::string_view text);

}  // namespace san
