#include "base/part.h"

#include <charconv>

namespace san {

std::optional<Part> parse_part(std::string_view text) {
  Part part;
  const char *begin = text.data(), *end = begin + text.size();
  const auto first = std::from_chars(begin, end, part.index);
  if (first.ec != std::errc{} || first.ptr == end || *first.ptr != '/') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, part.count);
  if (second.ec != std::errc{} || second.ptr != end || part.index < 1 || part.index > part.count)
    return std::nullopt;
  return part;
}

}  // namespace san
