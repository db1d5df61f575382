#include "text/html_entities.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <unordered_map>

#include "embedded/text_html_entities.h"
#include "text/unicode.h"
#include "text/windows_1252.h"

namespace san {
namespace {

constexpr std::size_t kMaxNameLength = 32;

using Names = std::unordered_map<std::string_view, std::u32string>;

Names read_names() {
  Names names;
  std::string_view rest = embedded::text_html_entities();
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() + 1);
    std::size_t at = line.find(' ');
    std::u32string& value = names[line.substr(0, at)];
    while (at < line.size()) {
      unsigned code_point = 0;
      const auto end = std::from_chars(line.data() + at + 1, line.data() + line.size(), code_point, 16).ptr;
      value.push_back(code_point);
      at = static_cast<std::size_t>(end - line.data());
    }
  }
  return names;
}

const std::u32string* find_name(std::string_view name) {
  static const Names names = read_names();
  const auto found = names.find(name);
  return found == names.end() ? nullptr : &found->second;
}

bool is_digit(char32_t c, bool hexadecimal) {
  return (c >= '0' && c <= '9') || (hexadecimal && (c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/// The text of numeric reference `value`, by the HTML standard's table of corrections.
std::u32string numeric_reference(char32_t value) {
  if (value == 0 || value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) return U"\xfffd";
  if (value >= 0x80 && value < 0xa0) return {windows_1252_to_unicode(static_cast<unsigned char>(value))};
  const bool control = value < 0x20 && value != '\t' && value != '\n' && value != '\f' && value != '\r';
  const bool noncharacter = (value >= 0xfdd0 && value < 0xfdf0) || (value & 0xfffe) == 0xfffe;
  if (control || value == 0x7f || noncharacter) return {};
  return {value};
}

struct Reference {
  std::size_t length;  // characters consumed, the ampersand included
  std::u32string text;
};

std::optional<Reference> parse_numeric(std::u32string_view text) {
  const bool hexadecimal = text.size() > 2 && (text[2] | 0x20) == 'x';
  const std::size_t first = hexadecimal ? 3 : 2;
  std::size_t at = first;
  char32_t value = 0;
  for (; at < text.size() && is_digit(text[at], hexadecimal); ++at) {
    const char32_t digit = text[at] <= '9' ? text[at] - '0' : (text[at] | 0x20) - 'a' + 10;
    value = std::min<char32_t>(value * (hexadecimal ? 16 : 10) + digit, 0x110000);
  }
  if (at == first) return std::nullopt;
  if (at < text.size() && text[at] == ';') ++at;
  return Reference{at, numeric_reference(value)};
}

std::optional<Reference> parse_named(std::u32string_view text) {
  constexpr std::u32string_view kEnds = U"\t\n\f <&#;";
  std::size_t end = 1;
  while (end < text.size() && end <= kMaxNameLength && kEnds.find(text[end]) == std::u32string_view::npos)
    ++end;
  if (end == 1) return std::nullopt;
  if (end < text.size() && text[end] == ';') ++end;
  const std::string name = unicode::encode_utf8(text.substr(1, end - 1));
  for (std::size_t length = name.size(); length > 1; --length) {
    if (const auto* value = find_name(std::string_view(name).substr(0, length)))
      return Reference{length + 1, *value};
  }
  return std::nullopt;
}

/// text[0] is an ampersand.
std::optional<Reference> parse_reference(std::u32string_view text) {
  if (text.size() < 2) return std::nullopt;
  return text[1] == '#' ? parse_numeric(text) : parse_named(text);
}

std::u32string unescape(std::u32string_view text, bool strict) {
  std::u32string out;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '&') {
      const auto reference = parse_reference(text.substr(at));
      if (reference && (!strict || text[at + reference->length - 1] == ';')) {
        out += reference->text;
        at += reference->length;
        continue;
      }
    }
    out.push_back(text[at++]);
  }
  return out;
}

}  // namespace

std::u32string unescape_html(std::u32string_view text) {
  return unescape(text, false);
}
std::u32string unescape_html_strict(std::u32string_view text) {
  return unescape(text, true);
}

}  // namespace san
