#pragma once
#include <chrono>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "serve/http.h"

namespace san::serve {

/// Who may ask. A file has one key a line, of 16 to 200 characters without blanks; lines that begin with #
/// and blank ones do not count.
class ApiKeys {
 public:
  /// No keys: everybody may.
  ApiKeys() = default;
  /// Throws Error with the file and line.
  explicit ApiKeys(const std::filesystem::path& file);

  bool needed() const { return !digests_.empty(); }
  /// Whether the request carries one: "Authorization: Bearer KEY", "X-API-Key: KEY", or HTTP's Basic
  /// authentication with any user and the key as password. Takes the same time whichever key is wrong.
  bool admit(const HttpRequest& request) const;

 private:
  std::vector<std::string> digests_;  // SHA-256
};

/// How often one client may ask: `per_second` on the average, `burst` at once. Remembers at most some
/// thousand clients, forgetting those that could ask all at once again.
class RateLimit {
 public:
  using Clock = std::chrono::steady_clock;
  /// 0 per second: no limit.
  RateLimit(double per_second, double burst) : per_second_(per_second), burst_(burst) {}

  /// 0 when `client` may ask now; else the seconds until it may.
  double wait(const std::string& client, Clock::time_point now = Clock::now());

 private:
  struct Bucket {
    double tokens;
    Clock::time_point when;
  };
  void forget(Clock::time_point now);

  const double per_second_, burst_;
  std::mutex mutex_;
  std::map<std::string, Bucket> buckets_;
};

/// Whether a browser may send this: what a page of another origin makes it send is not for us. Requests
/// without an Origin come from programs.
bool same_origin(const HttpRequest& request);

/// Whether Host names this machine itself: for a service that listens on the loopback interface, others are a
/// page's that has its own name point here. With or without a port.
bool names_loopback(const std::string& host);

}  // namespace san::serve
