#include "serve/multipart.h"

#include <algorithm>

#include "base/hash.h"
#include "serve/refusal.h"

namespace san::serve {
namespace {

constexpr std::size_t kMaxParts = 64, kMaxPartHead = 4096;
constexpr const char* kBadForm = "bad_form";

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

/// The value of `key` among the "; key=value" of a header, quotes taken off; empty where it is not there.
std::string parameter(std::string_view header, std::string_view key) {
  for (std::size_t at = header.find(';'); at != std::string_view::npos;) {
    std::size_t i = at + 1;
    while (i < header.size() && (header[i] == ' ' || header[i] == '\t')) ++i;
    const std::size_t equals = header.find('=', i);
    if (equals == std::string_view::npos) return "";
    const std::string_view name = header.substr(i, equals - i);
    std::string value;
    i = equals + 1;
    if (i < header.size() && header[i] == '"') {
      for (++i; i < header.size() && header[i] != '"'; ++i) {
        if (header[i] == '\\' && i + 1 < header.size()) ++i;
        value += header[i];
      }
    } else {
      while (i < header.size() && header[i] != ';') value += header[i++];
      while (value.ends_with(' ')) value.pop_back();
    }
    if (same_word(name, key)) return value;
    at = header.find(';', i);
  }
  return "";
}

void parse_part_head(std::string_view head, FormPart& part) {
  while (!head.empty()) {
    const std::size_t end = head.find("\r\n");
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end == std::string_view::npos ? head.size() : end + 2);
    const std::size_t colon = line.find(':');
    expect(colon != std::string_view::npos, 400, kBadForm, "",
           "a part of the form has a header without a colon");
    std::string_view value = line.substr(colon + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    if (same_word(line.substr(0, colon), "content-disposition")) {
      part.name = parameter(value, "name");
      part.filename = parameter(value, "filename");
    } else if (same_word(line.substr(0, colon), "content-type")) {
      part.type = std::string(value.substr(0, value.find(';')));
    }
  }
  expect(!part.name.empty(), 400, kBadForm, "", "a part of the form has no name");
}

}  // namespace

std::vector<FormPart> parse_form(std::string_view body, std::string_view content_type) {
  const std::string boundary = parameter(content_type, "boundary");
  expect(!boundary.empty() && boundary.size() <= 70, 400, kBadForm, "",
         "Content-Type multipart/form-data needs a boundary of 1 to 70 characters");
  const std::string opening = "--" + boundary, between = "\r\n--" + boundary;
  std::size_t at = body.find(opening);
  expect(at == 0 || (at != std::string_view::npos && at >= 2 && body.substr(at - 2, 2) == "\r\n"), 400,
         kBadForm, "", "the form's boundary is not in its body");
  at += opening.size();
  std::vector<FormPart> parts;
  while (!body.substr(at).starts_with("--")) {
    while (at < body.size() && (body[at] == ' ' || body[at] == '\t')) ++at;
    expect(body.substr(at).starts_with("\r\n"), 400, kBadForm, "",
           "a boundary of the form does not end its line");
    expect(parts.size() < kMaxParts, 400, kBadForm, "", "the form has more than {} parts", kMaxParts);
    const std::string_view rest =
        body.substr(at);  // begins with the line end, so that a part may have no head
    const std::size_t head_end = rest.substr(0, kMaxPartHead).find("\r\n\r\n");
    expect(head_end != std::string_view::npos, 400, kBadForm, "",
           "the head of a part of the form does not end within {} bytes", kMaxPartHead);
    const std::size_t start = at + head_end + 4, end = body.find(between, start);
    expect(end != std::string_view::npos, 400, kBadForm, "", "the form ends within a part");
    FormPart part;
    parse_part_head(head_end > 2 ? rest.substr(2, head_end - 2) : std::string_view(), part);
    part.content = body.substr(start, end - start);
    parts.push_back(std::move(part));
    at = end + between.size();
  }
  return parts;
}

std::string write_multipart(const std::vector<AnswerPart>& parts, std::string_view seed,
                            std::string& boundary) {
  std::uint64_t state = fnv1a64(seed);
  const auto taken = [&] {
    return std::ranges::any_of(
        parts, [&](const AnswerPart& part) { return part.content.find(boundary) != std::string::npos; });
  };
  do boundary = fmt::format("san-{:016x}", state = splitmix64(state));
  while (taken());
  std::string body;
  for (const AnswerPart& part : parts) {
    body += fmt::format("--{}\r\nContent-Disposition: form-data; name=\"{}\"; filename=\"{}\"\r\n", boundary,
                        part.name, part.filename);
    body += fmt::format("Content-Type: {}\r\n\r\n", part.type);
    body += part.content;
    body += "\r\n";
  }
  return body + "--" + boundary + "--\r\n";
}

}  // namespace san::serve
