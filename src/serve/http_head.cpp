#include "serve/http_head.h"

#include <algorithm>
#include <charconv>

#include "serve/refusal.h"

namespace san::serve {
namespace {

constexpr const char* kBadRequest = "bad_request";

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool is_token_char(char c) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         kMarks.find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_token_char);
}

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

/// Takes a line and its end off the text; a lone line feed ends one, too (RFC 9112, 2.2).
std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

void parse_request_line(std::string_view line, HttpHead& head) {
  const std::size_t first = line.find(' '), last = line.rfind(' ');
  expect(first != std::string_view::npos && last > first, 400, kBadRequest, "",
         "the request line is not METHOD TARGET VERSION");
  const std::string_view method = line.substr(0, first), target = line.substr(first + 1, last - first - 1),
                         version = line.substr(last + 1);
  expect(is_token(method) && method.size() <= 16, 400, kBadRequest, "", "the request's method is no word");
  expect(version.starts_with("HTTP/") && version.size() == 8, 400, kBadRequest, "",
         "the request line does not end in a version of HTTP");
  expect(version == "HTTP/1.1" || version == "HTTP/1.0", 505, "http_version", "",
         "HTTP/1.1 and HTTP/1.0 are spoken here");
  expect(target.starts_with('/') || target == "*", 400, kBadRequest, "",
         "the request's target does not begin with a slash");
  expect(std::ranges::all_of(target, [](unsigned char c) { return c > 0x20 && c < 0x7f; }), 400, kBadRequest,
         "", "the request's target has characters that must be percent-encoded");
  head.method = method;
  head.target = target;
  head.keep_alive = version == "HTTP/1.1";
}

void parse_header(std::string_view line, HttpHead& head) {
  expect(line.front() != ' ' && line.front() != '\t', 400, kBadRequest, "",
         "a header is folded over two lines");
  const std::size_t colon = line.find(':');
  expect(colon != std::string_view::npos && is_token(line.substr(0, colon)), 400, kBadRequest, "",
         "a header is not NAME: VALUE");
  const std::string_view value = trimmed(line.substr(colon + 1));
  expect(std::ranges::all_of(value, [](unsigned char c) { return c == '\t' || (c >= 0x20 && c != 0x7f); }),
         400, kBadRequest, "", "a header holds control characters");
  const std::string name = lower(line.substr(0, colon));
  const auto [place, fresh] = head.headers.emplace(name, value);
  if (fresh) return;
  expect(name != "content-length" && name != "host" && name != "transfer-encoding" &&
             name != "authorization" && name != "content-type",
         400, kBadRequest, "", "header {} is there twice", name);
  place->second.append(", ").append(value);
}

void parse_framing(HttpHead& head) {
  const auto find = [&](const char* name) -> std::optional<std::string> {
    const auto found = head.headers.find(name);
    if (found == head.headers.end()) return std::nullopt;
    return lower(found->second);
  };
  const auto coding = find("transfer-encoding"), length = find("content-length"),
             connection = find("connection");
  expect(!coding || !length, 400, kBadRequest, "", "a request has both a length and a transfer coding");
  if (coding) {
    expect(*coding == "chunked", 400, kBadRequest, "", "the only transfer coding that is read is chunked");
    head.chunked = true;
  }
  if (length) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(length->data(), length->data() + length->size(), value);
    expect(error == std::errc() && end == length->data() + length->size() && !length->empty(), 400,
           kBadRequest, "", "Content-Length is no number");
    head.content_length = value;
  }
  if (connection && connection->find("close") != std::string::npos) head.keep_alive = false;
  if (connection && connection->find("keep-alive") != std::string::npos) head.keep_alive = true;
}

}  // namespace

std::string HttpRequest::media_type() const {
  const std::string whole = header("content-type");
  return lower(trimmed(std::string_view(whole).substr(0, whole.find(';'))));
}

std::optional<std::size_t> find_head_end(std::string_view arrived, const HeadLimits& limits) {
  std::size_t at = 0, line_number = 0;
  for (;;) {
    const std::size_t end = arrived.find('\n', at);
    const std::size_t length = (end == std::string_view::npos ? arrived.size() : end) - at;
    expect(length <= limits.line + 1, line_number == 0 ? 414 : 431, "head_too_long", "",
           "a line of the request's head has more than {} bytes", limits.line);
    expect(std::min(end, arrived.size()) < limits.bytes, 431, "head_too_long", "",
           "the request's head has more than {} bytes", limits.bytes);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view line = arrived.substr(at, end - at);
    if ((line.empty() || line == "\r") && line_number > 0) return end + 1;
    at = end + 1;
    ++line_number;
    expect(line_number <= limits.lines + 1, 431, "head_too_long", "", "the request has more than {} headers",
           limits.lines);
  }
}

HttpHead parse_head(std::string_view text, const HeadLimits& limits) {
  HttpHead head;
  parse_request_line(take_line(text), head);
  const bool needs_host = head.keep_alive;  // as HTTP/1.1 has it
  std::size_t count = 0;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line.empty()) break;
    expect(++count <= limits.lines, 431, "head_too_long", "", "the request has more than {} headers",
           limits.lines);
    parse_header(line, head);
  }
  expect(!needs_host || head.headers.contains("host"), 400, kBadRequest, "", "header Host is missing");
  parse_framing(head);
  return head;
}

}  // namespace san::serve
