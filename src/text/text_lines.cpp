#include "text/text_lines.h"

#include <algorithm>

namespace san {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r\n\f\v";
  const std::size_t first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

void for_each_part(std::string_view text, char separator, const std::function<void(std::string_view)>& take) {
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    take(trimmed(text.substr(begin, end - begin)));
    begin = end + 1;
  }
}

void for_each_content_line(std::string_view text,
                           const std::function<void(std::string_view, std::size_t)>& take) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  std::size_t number = 0;
  for_each_part(text, '\n', [&](std::string_view line) {
    ++number;
    if (!line.empty() && !line.starts_with('#')) take(line, number);
  });
}

std::vector<std::string> split_trimmed(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for_each_part(text, separator, [&](std::string_view part) { parts.emplace_back(part); });
  return parts;
}

std::vector<std::string> content_lines(std::string_view text) {
  std::vector<std::string> lines;
  for_each_content_line(text, [&](std::string_view line, std::size_t) { lines.emplace_back(line); });
  return lines;
}

}  // namespace san
