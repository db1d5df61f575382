#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace san {

/// How patient a transfer is.
struct Patience {
  int attempts = 6;                ///< in a row without a byte of progress
  double first_pause_s = 1;        ///< doubled after each, at most 60 s; a server's Retry-After may ask for more
  double longest_pause_s = 300;    ///< a server that asks for more is given up
  int connect_s = 30;
  int stalled_s = 60;              ///< without a single byte
};

struct HttpRequest {
  std::string url;
  bool head = false;
  std::string token;               ///< sent as bearer token, to this url's origin alone
  std::vector<std::string> headers;
};

struct HttpResponse {
  long status = 0;                 ///< 0 for file://
  std::map<std::string, std::string> headers;  ///< names in lower case; of the last response
  std::string url;                 ///< after redirects
  std::string message;             ///< of an error: what the server said, at most a line of it

  std::string header(const std::string& name) const;
  /// Content-Length, or −1.
  std::int64_t length() const;
};


/// What the body goes to. `begin` is called once, with status and headers of the response whose body follows
/// (2xx only); it may throw.
struct HttpSink {
  std::function<void(const HttpResponse&)> begin;
  std::function<void(std::span<const std::byte>)> write;
  std::function<bool()> cancelled;
};

/// One request over libcurl. Redirects are followed by hand: at most ten, never from https to anything else, the
/// token stays with the origin it was given for. With `follow` false a redirect is the answer. Proxies as curl
/// reads them from the environment.
/// Throws TransferFailed where the connection failed, Error for what trying again would not change.
HttpResponse http_request(const HttpRequest& request, const Patience& patience, const HttpSink& sink = {},
                          bool follow = true);

}  // namespace san
