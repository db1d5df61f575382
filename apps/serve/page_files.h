#pragma once
#include <map>
#include <string>
#include <string_view>

#include "serve/http.h"

namespace san::serve {

/// The web page's files, from inside the program.
class PageFiles {
 public:
  PageFiles();
  /// Null where there is no such file; "" is index.html.
  bool has(const std::string& name) const { return files_.contains(name.empty() ? "index.html" : name); }
  /// 304 where the client has it, gzip where it is accepted.
  HttpAnswer answer(const std::string& name, const HttpRequest& request) const;

 private:
  struct File {
    std::string type, etag, zipped;
    std::string_view content;
  };
  std::map<std::string, File> files_;
};

}  // namespace san::serve
