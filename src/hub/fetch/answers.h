#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "hub/fetch/http.h"
#include "hub/reference.h"

namespace san {

/// Whether the same question may be answered otherwise later: 408, 425, 429 and 5xx.
bool worth_another_try(long status);

/// Seconds that a server asks to wait before the next question: Retry-After, else what a 429 tells of its
/// window (RateLimit: …;t=SECONDS, as the hub sends it); 0: it asks for nothing.
double pause_asked_s(const HttpResponse& response);

/// What a status without content means for who asked, and what to do. Throws Error with it.
[[noreturn]] void refuse(const Reference& from, const HttpResponse& response, bool with_token);

/// The SHA-256 in a quoted ETag, or "" where it is something else.
std::string sha256_in_etag(std::string etag);

/// Content-Range: "bytes FIRST-LAST/TOTAL", or "bytes */TOTAL" of a range that is past the end.
struct ContentRange {
  std::int64_t first = -1, last = -1, total = -1;  ///< −1: not said
};
std::optional<ContentRange> content_range(const std::string& header);

}  // namespace san
