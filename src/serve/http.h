#pragma once
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace san::serve {

/// One request, without the connection it came on.
struct HttpRequest {
  std::string method, path;                    ///< the path decoded, without the query
  std::map<std::string, std::string> query;    ///< the first value of each name
  std::map<std::string, std::string> headers;  ///< names in lower case; repeated ones joined by ", "
  std::string body;
  std::string peer;  ///< who asks: an address without its port, or "local" on a unix socket

  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
  /// "application/json" of "Application/JSON; charset=utf-8".
  std::string media_type() const;
};

struct HttpAnswer {
  int status = 200;
  std::string type;  ///< of the body
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

}  // namespace san::serve
