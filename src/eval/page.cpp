#include "eval/page.h"

#include "base/error.h"
#include "embedded/page_style.h"

namespace san {

std::string fill_page(std::string_view page, std::string data) {
  // Inside a script element only "<" can end the data early.
  for (std::size_t at = 0; (at = data.find('<', at)) != std::string::npos;) data.replace(at, 1, "\\u003c");
  std::string filled(page);
  const auto put = [&](std::string_view name, std::string_view what) {
    const auto place = filled.find(name);
    require(place != std::string::npos, "report page: no place {}", name);
    filled.replace(place, name.size(), what);
  };
  put("@STYLE@", embedded::page_style());
  put("@DATA@", data);
  return filled;
}

}  // namespace san
