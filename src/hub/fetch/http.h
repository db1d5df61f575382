#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace san {

/// How patient a transfer is.
struct Patience {
  int attempts = 6;          ///< in a row without a byte of progress
  double first_pause_s = 1;  ///< doubled after each, at most 60 s; a server's Retry-After may ask for more
  double longest_pause_s = 300;  ///< a server that asks for more is given up
  int connect_s = 30;
  int stalled_s = 60;  ///< without a single byte
};

struct HttpRequest {
  std::string url;
  bool head = false;
  std::string token;  ///< sent as bearer token, to this url's origin alone
  std::vector<std::string> headers;
};

struct HttpResponse {
  long status = 0;                             ///< 0 for file://
  std::map<std::string, std::string> headers;  ///< names in lower case; of the last response
  std::string url;                             ///< after redirects
  double retry_after_s = 0;                    ///< what the server asks for; 0: nothing

  std::string header(const std::string& name) const;
  /// A header that is a number of bytes, or −1.
  std::int64_t bytes(const std::string& name) const;
  /// The answer is the file or a part of it.
  bool has_content() const { return status == 0 || status == 200 || status == 206; }
};

/// What the body goes to. `begin` is called once, with status and headers of the response whose body follows
/// (has_content() only); it may throw.
struct HttpSink {
  std::function<void(const HttpResponse&)> begin;
  std::function<void(std::span<const std::byte>)> write;
  std::function<bool()> cancelled;
};

/// libcurl, with a connection that is kept between requests. Proxies as curl reads them from the environment
/// ($HTTPS_PROXY, $NO_PROXY, …); certificates are the system's, or those of $CURL_CA_BUNDLE or
/// $SSL_CERT_FILE.
class HttpClient {
 public:
  HttpClient();
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Whether to go to `target`, where `response` redirects.
  using Follow = std::function<bool(const HttpResponse& response, const std::string& target)>;

  /// One request. At most ten redirects are followed, by the rules of redirect_target(); the token stays with
  /// the origin it was given for, and does not come back after it. Where `follow` says no, the redirect is
  /// the answer. Throws TransferFailed where the connection failed, Error for what trying again would not
  /// change.
  HttpResponse request(const HttpRequest& request, const Patience& patience, const HttpSink& sink = {},
                       const Follow& follow = {});

 private:
  HttpResponse one_request(const HttpRequest& request, const Patience& patience, const HttpSink& sink);
  struct Deleter {
    void operator()(void* curl) const;
  };
  std::unique_ptr<void, Deleter> curl_;
};

}  // namespace san
