#pragma once
#include <string>

#include "san/error.hpp"

namespace san {

/// What Segmenter::explain() says, as one HTML page with everything inside: it needs no file and no network
/// beside it.
SAN_API std::string explanation_page(const std::string& json);

}  // namespace san
