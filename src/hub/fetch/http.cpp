#include "hub/fetch/http.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <exception>
#include <filesystem>

#include "base/error.h"
#include "base/utf8.h"
#include "hub/fetch/transfer_failed.h"
#include "hub/fetch/url.h"
#include "hub/reference.h"
#include "san/version.hpp"

namespace san {
namespace {

constexpr int kMostRedirects = 10;
constexpr std::size_t kMostHeaders = 200, kMostBytesOfAnErrorPage = 1 << 16;
constexpr long kReadBuffer = 1 << 18;

struct Transfer {
  CURL* curl = nullptr;
  const HttpSink* sink = nullptr;
  HttpResponse response;
  bool body_wanted = false, begun = false, cut = false;
  std::size_t unwanted = 0;
  std::exception_ptr error;
};

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
}

std::size_t on_header(char* data, std::size_t, std::size_t bytes, void* user) {
  auto& t = *static_cast<Transfer*>(user);
  const std::string_view line(data, bytes);
  if (line.starts_with("HTTP/")) t.response.headers.clear();  // the one before was an interim answer
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
  t.body_wanted = t.sink->write && t.response.has_content();
  if (t.body_wanted && t.sink->begin) t.sink->begin(t.response);
}

// Exceptions must not cross libcurl's C frames.
std::size_t on_body(char* data, std::size_t, std::size_t bytes, void* user) {
  auto& t = *static_cast<Transfer*>(user);
  try {
    if (!t.begun) start_body(t);
    if (t.body_wanted) {
      t.sink->write(std::as_bytes(std::span(data, bytes)));
    } else if ((t.unwanted += bytes) > kMostBytesOfAnErrorPage) {
      t.cut = true;
      return 0;
    }
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

struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

// Null: where Debian's libcurl looks. Else what curl's own program and OpenSSL are told of a company's
// certificates by, or where other systems keep theirs, for a libcurl that was taken along.
const char* certificates() {
  for (const char* name : {"CURL_CA_BUNDLE", "SSL_CERT_FILE"})
    if (const char* const file = std::getenv(name); file != nullptr && *file != '\0') return file;
  std::error_code error;
  if (std::filesystem::exists("/etc/ssl/certs/ca-certificates.crt", error)) return nullptr;
  for (const char* file : {"/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"})
    if (std::filesystem::exists(file, error)) return file;
  return nullptr;
}

[[noreturn]] void report(CURLcode code, const std::string& url, const char* details) {
  const std::string host = host_of(url);
  const std::string why = printable(*details != '\0' ? details : curl_easy_strerror(code), 300);
  switch (code) {
    case CURLE_ABORTED_BY_CALLBACK:
      fail("interrupted; what has arrived is kept, and the same command goes on from there");
    case CURLE_FILE_COULDNT_READ_FILE:
      fail("{}: cannot be read", url);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      fail(
          "{}: its certificate cannot be checked: {}; Debian's ca-certificates has the usual authorities, "
          "$CURL_CA_BUNDLE names a file with others",
          host, why);
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT:
      fail("{}: {}", host, why);
    default:
      throw TransferFailed(fmt::format("{}: {}", host, why));
  }
}

}  // namespace

std::string HttpResponse::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

std::int64_t HttpResponse::bytes(const std::string& name) const {
  const std::string text = header(name);
  std::int64_t value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= 0 ? value : -1;
}

HttpClient::HttpClient() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  require(code == CURLE_OK, "libcurl cannot be used: {}", curl_easy_strerror(code));
  curl_.reset(curl_easy_init());
  require(curl_ != nullptr, "libcurl cannot be used: no handle");
}

HttpClient::~HttpClient() = default;

void HttpClient::Deleter::operator()(void* curl) const {
  curl_easy_cleanup(curl);
}

HttpResponse HttpClient::one_request(const HttpRequest& request, const Patience& patience,
                                     const HttpSink& sink) {
  if (request.url.starts_with("file:")) {
    const std::filesystem::path path = path_of_file_url(request.url);
    std::error_code error;
    require(std::filesystem::is_regular_file(path, error), "{}: no such file", path.string());
  }
  CURL* const curl = curl_.get();
  curl_easy_reset(curl);  // connections stay
  Transfer transfer;
  transfer.curl = curl;
  transfer.sink = &sink;
  transfer.response.url = request.url;

  curl_slist* raw = nullptr;
  for (const std::string& header : request.headers) raw = curl_slist_append(raw, header.c_str());
  const std::unique_ptr<curl_slist, ListDeleter> headers(raw);
  std::array<char, CURL_ERROR_SIZE> details{};
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, details.data());
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
  if (const char* const file = certificates()) curl_easy_setopt(curl, CURLOPT_CAINFO, file);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, kReadBuffer);
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
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, nullptr);
  if (transfer.error) std::rethrow_exception(transfer.error);
  if (code != CURLE_OK && !transfer.cut) report(code, request.url, details.data());
  if (!transfer.begun) start_body(transfer);  // an empty one
  curl_off_t asked_s = 0;
  if (curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &asked_s) == CURLE_OK)
    transfer.response.retry_after_s = static_cast<double>(asked_s);
  return std::move(transfer.response);
}

HttpResponse HttpClient::request(const HttpRequest& request, const Patience& patience, const HttpSink& sink,
                                 const Follow& follow) {
  HttpRequest now = request;
  for (int hops = 0;; ++hops) {
    HttpResponse response = one_request(now, patience, sink);
    const std::string location = response.header("location");
    if (response.status / 100 != 3 || location.empty()) return response;
    const std::string target = redirect_target(now.url, location);
    if (follow && !follow(response, target)) return response;
    require(hops < kMostRedirects, "{}: more than {} redirects", host_of(request.url), kMostRedirects);
    if (origin_of(target) != origin_of(now.url)) now.token.clear();
    now.url = target;
  }
}

}  // namespace san
