#include "hub/fetch/http.h"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <exception>
#include <memory>

#include "base/error.h"
#include "hub/fetch/transfer_failed.h"
#include "hub/reference.h"
#include "san/version.hpp"

namespace san {
namespace {

constexpr int kMostRedirects = 10;
constexpr std::size_t kLongestMessage = 300, kMostHeaders = 200;

struct Transfer {
  CURL* curl = nullptr;
  const HttpSink* sink = nullptr;
  HttpResponse response;
  bool body_wanted = false, begun = false;
  std::exception_ptr error;
};

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
}

// A server's words reach a terminal: one line, printable.
void add_message(std::string& message, std::string_view text) {
  for (const char c : text) {
    if (message.size() >= kLongestMessage) return;
    message += static_cast<unsigned char>(c) >= 0x20 && c != 0x7f ? c : ' ';
  }
}

std::size_t on_header(char* data, std::size_t, std::size_t bytes, void* user) {
  auto& t = *static_cast<Transfer*>(user);
  const std::string_view line(data, bytes);
  if (line.starts_with("HTTP/")) t.response.headers.clear();  // interim answers, or a proxy's
  const auto colon = line.find(':');
  if (colon != std::string_view::npos && t.response.headers.size() < kMostHeaders) {
    std::string name(line.substr(0, colon));
    std::ranges::transform(name, name.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    t.response.headers[name] = trimmed(line.substr(colon + 1));
  }
  return bytes;
}

void start_body(Transfer& t) {
  t.begun = true;
  curl_easy_getinfo(t.curl, CURLINFO_RESPONSE_CODE, &t.response.status);
  t.body_wanted = t.sink->write && (t.response.status == 0 || t.response.status / 100 == 2);
  if (t.body_wanted && t.sink->begin) t.sink->begin(t.response);
}

// Exceptions must not cross libcurl's C frames.
std::size_t on_body(char* data, std::size_t, std::size_t bytes, void* user) {
  auto& t = *static_cast<Transfer*>(user);
  try {
    if (!t.begun) start_body(t);
    if (t.body_wanted)
      t.sink->write(std::as_bytes(std::span(data, bytes)));
    else
      add_message(t.response.message, {data, bytes});
    return bytes;
  } catch (...) {
    t.error = std::current_exception();
    return 0;
  }
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const auto& t = *static_cast<Transfer*>(user);
  return t.sink->cancelled && t.sink->cancelled() ? 1 : 0;
}

struct CurlDeleter {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
};
struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

void set_up_curl_once() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  require(code == CURLE_OK, "libcurl cannot be used: {}", curl_easy_strerror(code));
}

HttpResponse one_request(const HttpRequest& request, const Patience& patience, const HttpSink& sink) {
  set_up_curl_once();
  const std::unique_ptr<CURL, CurlDeleter> handle(curl_easy_init());
  require(handle != nullptr, "libcurl cannot be used: no handle");
  CURL* const curl = handle.get();
  Transfer transfer;
  transfer.curl = curl;
  transfer.sink = &sink;
  transfer.response.url = request.url;

  curl_slist* raw = nullptr;
  for (const std::string& header : request.headers) raw = curl_slist_append(raw, header.c_str());
  const std::unique_ptr<curl_slist, ListDeleter> headers(raw);
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https,file");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_NOBODY, request.head ? 1L : 0L);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_USERAGENT, (std::string("san/") + version()).c_str());
  // Asks for the bytes as they are, and decodes what a server compresses all the same.
  curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "identity");
  if (!request.token.empty()) {
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
    curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, request.token.c_str());
  }
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, static_cast<long>(patience.connect_s));
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>(patience.stalled_s));
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);

  const CURLcode code = curl_easy_perform(curl);
  if (transfer.error) std::rethrow_exception(transfer.error);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &transfer.response.status);
  const std::string host = host_of(request.url);
  switch (code) {
    case CURLE_OK:
      if (!transfer.begun) start_body(transfer);  // an empty one
      break;
    case CURLE_ABORTED_BY_CALLBACK:
      fail("interrupted; what has arrived is kept, and the same command goes on from there");
    case CURLE_FILE_COULDNT_READ_FILE:
      fail("{}: no such file, or it cannot be read", request.url);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      fail("{}: its certificate is not one that this machine trusts ({})", host, curl_easy_strerror(code));
    case CURLE_BAD_CONTENT_ENCODING:
      fail("{}: the answer is compressed in a way that cannot be undone", host);
    case CURLE_UNSUPPORTED_PROTOCOL:
      fail("{}: only https, http and file addresses are followed", host);
    default:
      throw TransferFailed(fmt::format("{}: {}", host, curl_easy_strerror(code)));
  }
  return std::move(transfer.response);
}

}  // namespace

std::string HttpResponse::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

std::int64_t HttpResponse::length() const {
  const std::string text = header("content-length");
  std::int64_t value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= 0 ? value : -1;
}

HttpResponse http_request(const HttpRequest& request, const Patience& patience, const HttpSink& sink, bool follow) {
  HttpRequest now = request;
  const bool file = request.url.starts_with("file:");
  for (int hops = 0;; ++hops) {
    HttpResponse response = one_request(now, patience, sink);
    const std::string location = response.header("location");
    const bool redirect = !file && response.status / 100 == 3 && !location.empty();
    if (!redirect || !follow) return response;
    require(hops < kMostRedirects, "{}: more than {} redirects", host_of(request.url), kMostRedirects);
    const std::string from = now.url;
    now.url = resolve_url(from, location);
    const bool safe = now.url.starts_with("https://") || (from.starts_with("http://") && now.url.starts_with("http://"));
    require(safe, "{}: redirects to an address that is not https; it is not followed", host_of(from));
    if (origin_of(now.url) != origin_of(request.url)) now.token.clear();
  }
}

}  // namespace san
