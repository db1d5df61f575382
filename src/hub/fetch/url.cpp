#include "hub/fetch/url.h"

#include <curl/curl.h>

#include <algorithm>
#include <memory>

#include "base/error.h"
#include "base/utf8.h"

namespace san {
namespace {

// libcurl's own reading of an address, so that what is checked here is what is asked for later.
class Url {
 public:
  explicit Url(const std::string& url) : handle_(curl_url()) {
    require(handle_ != nullptr && set(url, CURLU_DISALLOW_USER), "{}: no address", printable(url, 200));
  }
  bool set(const std::string& url, unsigned flags) {
    return curl_url_set(handle_.get(), CURLUPART_URL, url.c_str(), flags) == CURLUE_OK;
  }
  std::string get(CURLUPart part, unsigned flags = 0) const {
    char* text = nullptr;
    if (curl_url_get(handle_.get(), part, &text, flags) != CURLUE_OK) return "";
    const std::unique_ptr<char, void (*)(void*)> owner(text, curl_free);
    return text;
  }

 private:
  struct Deleter {
    void operator()(CURLU* url) const { curl_url_cleanup(url); }
  };
  std::unique_ptr<CURLU, Deleter> handle_;
};

}  // namespace

std::string origin_of(const std::string& url) {
  const Url parts(url);
  std::string host = parts.get(CURLUPART_HOST);
  std::ranges::transform(host, host.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return fmt::format("{}://{}:{}", parts.get(CURLUPART_SCHEME), host,
                     parts.get(CURLUPART_PORT, CURLU_DEFAULT_PORT));
}

std::string redirect_target(const std::string& from, const std::string& location) {
  Url url(from);
  const std::string before = url.get(CURLUPART_SCHEME), host = url.get(CURLUPART_HOST);
  require(url.set(location, CURLU_DISALLOW_USER | CURLU_URLENCODE),
          "{}: redirects to what is no address; it is not followed", host);
  const std::string after = url.get(CURLUPART_SCHEME);
  require(after == "https" || (after == "http" && before == "http"),
          "{}: redirects from {} to {}; it is not followed", host, before, after);
  return url.get(CURLUPART_URL);
}

std::string path_of_file_url(const std::string& url) {
  return Url(url).get(CURLUPART_PATH, CURLU_URLDECODE);
}

}  // namespace san
