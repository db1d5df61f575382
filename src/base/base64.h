#pragma once

#include <string>
#include <string_view>

namespace san {

/// RFC 4648, with padding.
std::string base64_encode(std::string_view bytes);
/// Throws Error on anything base64_encode does not write.
std::string base64_decode(std::string_view text);

}  // namespace san
