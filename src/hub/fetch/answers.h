#pragma once
#include <optional>
#include <string>

#include "hub/fetch/http.h"
#include "hub/reference.h"

namespace san {

/// Whether the same question may be answered otherwise later: 408, 425, 429 and 5xx.
bool worth_another_try(long status);

/// Seconds a server asks to wait (Retry-After as a number), or −1.
double retry_after_s(const HttpResponse& response);

/// What a status other than 2xx means for who asked, and what to do. Throws Error with it.
[[noreturn]] void refuse(const Reference& from, const HttpResponse& response, bool with_token);

/// The SHA-256 in a quoted ETag, or "" where it is something else.
std::string sha256_in_etag(std::string etag);

/// Content-Range "bytes FIRST-LAST/TOTAL".
struct ContentRange {
  std::int64_t first = 0, last = 0, total = -1;
};
std::optional<ContentRange> content_range(const std::string& header);

}  // namespace san
