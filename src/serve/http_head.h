#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "serve/http.h"

namespace san::serve {

struct HeadLimits {
  std::size_t bytes = 32768;  ///< request line and headers together
  std::size_t line = 8192;    ///< of one line, without its end
  std::size_t lines = 100;    ///< headers
};

/// The request line and headers of one request, found to be what HTTP/1.1 (RFC 9112) allows and nothing that
/// two readers could understand in two ways.
struct HttpHead {
  std::string method, target;                  ///< the target as it came, in origin form
  std::map<std::string, std::string> headers;  ///< names in lower case; repeated ones joined by ", "
  bool chunked = false;
  std::optional<std::uint64_t> content_length;
  bool keep_alive = true;
  bool has_body() const { return chunked || content_length.value_or(0) > 0; }
};

/// Where the head ends in what has arrived (behind the empty line), or nothing yet. Throws Refusal (431, 414)
/// as soon as it can be seen to be too long; so no more than `limits.bytes` need ever be kept.
std::optional<std::size_t> find_head_end(std::string_view arrived, const HeadLimits& limits = {});

/// `text` up to find_head_end(). Throws Refusal 400 on what is no head (a folded or nameless header, control
/// characters, both a length and chunks, two lengths, one that is not a number, another transfer coding,
/// no Host), 505 on another version, 431 on too many headers.
HttpHead parse_head(std::string_view text, const HeadLimits& limits = {});

}  // namespace san::serve
