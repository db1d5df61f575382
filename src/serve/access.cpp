#include "serve/access.h"

#include <algorithm>
#include <cmath>

#include "base/base64.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/input_file.h"

namespace san::serve {
namespace {

constexpr std::size_t kShortestKey = 16, kLongestKey = 200, kMostClients = 4096;

std::string digest(std::string_view key) {
  Sha256 hash;
  return hash.update(key).hex();
}

/// In time that does not tell where they differ.
bool same(std::string_view a, std::string_view b) {
  unsigned different = a.size() != b.size() ? 1u : 0u;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    different |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  return different == 0;
}

std::string key_of(const HttpRequest& request) {
  if (const std::string key = request.header("x-api-key"); !key.empty()) return key;
  const std::string text = request.header("authorization");
  if (text.starts_with("Bearer ")) return text.substr(7);
  if (!text.starts_with("Basic ")) return "";
  try {
    const std::string pair = base64_decode(std::string_view(text).substr(6));
    const std::size_t colon = pair.find(':');
    return colon == std::string::npos ? "" : pair.substr(colon + 1);
  } catch (const Error&) {
    return "";
  }
}

std::string without_port(const std::string& host) {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.find(':'));
}

}  // namespace

ApiKeys::ApiKeys(const std::filesystem::path& file) {
  constexpr std::uint64_t kMostBytes = 1 << 20;
  const OwnedBytes bytes = read_file(file, kMostBytes);
  std::string_view text = bytes.text();
  for (int line = 1; !text.empty(); ++line) {
    const std::size_t end = text.find('\n');
    std::string_view key = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    while (!key.empty() && (key.back() == '\r' || key.back() == ' ')) key.remove_suffix(1);
    if (key.empty() || key.starts_with('#')) continue;
    const auto fits = [](unsigned char c) { return c > 0x20 && c < 0x7f; };
    require(key.size() >= kShortestKey && key.size() <= kLongestKey && std::ranges::all_of(key, fits),
            "{}: line {}: a key has {} to {} visible ASCII characters; make one with `openssl rand -hex 24`",
            file.string(), line, kShortestKey, kLongestKey);
    digests_.push_back(digest(key));
  }
  require(!digests_.empty(), "{}: there is no key in it; write one a line", file.string());
}

bool ApiKeys::admit(const HttpRequest& request) const {
  if (digests_.empty()) return true;
  const std::string given = digest(key_of(request));
  bool known = false;
  for (const std::string& one : digests_) known |= same(one, given);
  return known;
}

void RateLimit::forget(Clock::time_point now) {
  std::erase_if(buckets_, [&](const auto& entry) {
    const double since = std::chrono::duration<double>(now - entry.second.when).count();
    return entry.second.tokens + since * per_second_ >= burst_;
  });
  if (buckets_.size() >= kMostClients) buckets_.clear();
}

double RateLimit::wait(const std::string& client, Clock::time_point now) {
  if (per_second_ <= 0) return 0;
  const std::lock_guard lock(mutex_);
  if (buckets_.size() >= kMostClients) forget(now);
  Bucket& bucket = buckets_.try_emplace(client, Bucket{burst_, now}).first->second;
  const double since = std::chrono::duration<double>(now - bucket.when).count();
  bucket.tokens = std::min(burst_, bucket.tokens + since * per_second_);
  bucket.when = now;
  if (bucket.tokens < 1) return (1 - bucket.tokens) / per_second_;
  bucket.tokens -= 1;
  return 0;
}

bool same_origin(const HttpRequest& request) {
  const std::string origin = request.header("origin");
  if (origin.empty()) return request.header("sec-fetch-site") != "cross-site";
  const std::size_t scheme = origin.find("://");
  return scheme != std::string::npos && origin.substr(scheme + 3) == request.header("host");
}

bool names_loopback(const std::string& host) {
  const std::string name = without_port(host);
  return name == "localhost" || name == "[::1]" ||
         (name.starts_with("127.") && name.find_first_not_of("0123456789.") == std::string::npos);
}

}  // namespace san::serve
