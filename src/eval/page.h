#pragma once

#include <string>
#include <string_view>

namespace san {

/// A report's page with its data, JSON, at "@DATA@" inside a script element, and the reports' common style at
/// "@STYLE@". Throws Error when the page lacks one of these places.
std::string fill_page(std::string_view page, std::string data);

}  // namespace san
