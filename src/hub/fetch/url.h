#pragma once
#include <string>

namespace san {

/// scheme://host:port of an address, the port always given: what a token is bound to. Throws Error when `url`
/// is none.
std::string origin_of(const std::string& url);

/// Where a redirect from `from` leads: `location` may be relative (RFC 3986 §5). Throws Error when it is no
/// address, has a user name in it, or is another kind than http(s); once https, it must stay so.
std::string redirect_target(const std::string& from, const std::string& location);

/// The path of a file:// address, unescaped.
std::string path_of_file_url(const std::string& url);

}  // namespace san
