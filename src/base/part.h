#pragma once
#include <optional>
#include <string_view>

namespace san {

/// Part `index` of `count`, 1 ≤ index ≤ count.
struct Part {
  int index = 1, count = 1;
};

/// "2/4"; nothing for any other text.
std::optional<Part> parse_part(std::string_view text);

}  // namespace san
