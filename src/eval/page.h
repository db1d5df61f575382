#pragma once

#include <string>
#include <string_view>

namespace san {

/// A report's page with its data, JSON, at "@DATA@" inside a script element. Throws Error when the page has
/// no such place.
std::string fill_page(std::string_view page, std::string data);

}  // namespace san
