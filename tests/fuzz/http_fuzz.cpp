// What a connection says before anybody is known: a head, then a body in chunks or as a form.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "serve/chunks.h"
#include "serve/http_head.h"
#include "serve/multipart.h"
#include "serve/refusal.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace san::serve;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const auto end = find_head_end(text);
    if (!end) return 0;
    // However the bytes come in, the head ends in one place.
    if (*end > 1 && find_head_end(text.substr(0, *end - 1))) std::abort();
    const HttpHead head = parse_head(text.substr(0, *end));
    if (head.chunked && head.content_length) std::abort();
    const std::string_view body = text.substr(*end);
    ChunkWatch whole, pieces;
    const bool fits = whole.pass(body);
    bool each = true;
    for (std::size_t i = 0; each && i < body.size(); ++i) each = pieces.pass(body.substr(i, 1));
    if (fits != each || (fits && whole.complete() != pieces.complete())) std::abort();
    const auto type = head.headers.find("content-type");
    if (type == head.headers.end()) return 0;
    for (const FormPart& part : parse_form(body, type->second))
      if (part.name.empty() || part.content.size() > body.size()) std::abort();
  } catch (const Refusal&) {
  }
  return 0;
}
