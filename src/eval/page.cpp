#include "eval/page.h"

#include "base/error.h"

namespace san {

std::string fill_page(std::string_view page, std::string data) {
  // Inside a script element only "<" can end the data early.
  for (std::size_t at = 0; (at = data.find('<', at)) != std::string::npos;) data.replace(at, 1, "\\u003c");
  constexpr std::string_view kPlace = "@DATA@";
  std::string filled(page);
  const auto place = filled.find(kPlace);
  require(place != std::string::npos, "report page: no place for the data");
  return filled.replace(place, kPlace.size(), data);
}

}  // namespace san
