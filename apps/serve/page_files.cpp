#include "page_files.h"

#include "base/hash.h"
#include "embedded/serve_explain_script.h"
#include "embedded/serve_explain_style.h"
#include "embedded/serve_page.h"
#include "serve/answers.h"

namespace san::serve {
namespace {

std::string type_of(std::string_view name) {
  static const std::map<std::string, std::string, std::less<>> kTypes{
      {"html", "text/html; charset=utf-8"},
      {"css", "text/css; charset=utf-8"},
      {"js", "text/javascript; charset=utf-8"},
      {"mjs", "text/javascript; charset=utf-8"},
      {"json", "application/json"},
      {"svg", "image/svg+xml"},
      {"png", "image/png"},
      {"jpg", "image/jpeg"},
      {"ico", "image/x-icon"},
      {"woff2", "font/woff2"},
      {"webmanifest", "application/manifest+json"},
      {"txt", "text/plain; charset=utf-8"}};
  const std::size_t dot = name.rfind('.');
  const auto found = dot == name.npos ? kTypes.end() : kTypes.find(name.substr(dot + 1));
  return found == kTypes.end() ? "application/octet-stream" : found->second;
}

}  // namespace

PageFiles::PageFiles() {
  const auto add = [this](std::string_view name, std::string_view content) {
    Sha256 hash;
    hash.update(content);
    std::string zipped = gzip(content);
    if (zipped.size() >= content.size()) zipped.clear();
    files_[std::string(name)] = {type_of(name), fmt::format("\"{}\"", hash.hex().substr(0, 32)),
                                 std::move(zipped), content};
  };
  for (const embedded::File& file : embedded::serve_page()) add(file.name, file.content);
  add("explain.js", embedded::serve_explain_script());
  add("explain.css", embedded::serve_explain_style());
}

HttpAnswer PageFiles::answer(const std::string& name, const HttpRequest& request) const {
  const File& file = files_.at(name.empty() ? "index.html" : name);
  HttpAnswer answer;
  answer.headers = {
      {"ETag", file.etag},
      {"Cache-Control", "no-cache"},
      {"Vary", "Accept-Encoding"},
      {"Content-Security-Policy",
       "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; object-src 'none'; "
       "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"},
      {"Referrer-Policy", "no-referrer"},
      {"Cross-Origin-Opener-Policy", "same-origin"}};
  if (request.header("if-none-match").find(file.etag) != std::string::npos) {
    answer.status = 304;
    return answer;
  }
  answer.type = file.type;
  if (!file.zipped.empty() && accepts_gzip(request.header("accept-encoding"))) {
    answer.headers.emplace_back("Content-Encoding", "gzip");
    answer.body = file.zipped;
  } else {
    answer.body = file.content;
  }
  return answer;
}

}  // namespace san::serve
