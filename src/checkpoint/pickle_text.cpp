#include "checkpoint/pickle_text.h"

#include <charconv>
#include <cstdint>
#include <optional>

#include "base/error.h"

namespace san {
namespace {

std::optional<std::uint32_t> hex(std::string_view text, std::size_t begin, std::size_t digits) {
  if (begin + digits > text.size()) return std::nullopt;
  std::uint32_t value = 0;
  const char *first = text.data() + begin, *last = first + digits;
  const auto [end, error] = std::from_chars(first, last, value, 16);
  if (error != std::errc{} || end != last) return std::nullopt;
  return value;
}

void append_utf8(std::string& out, std::uint32_t c) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | c >> 6);
    put(0x80 | (c & 63));
  } else if (c < 0x10000) {
    put(0xe0 | c >> 12);
    put(0x80 | (c >> 6 & 63));
    put(0x80 | (c & 63));
  } else {
    put(0xf0 | (c >> 18 & 7));
    put(0x80 | (c >> 12 & 63));
    put(0x80 | (c >> 6 & 63));
    put(0x80 | (c & 63));
  }
}

char plain_escape(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    default:
      return c;
  }
}

}  // namespace

std::string pickle_unquote(std::string_view quoted, const std::string& where) {
  require(quoted.size() >= 2 && (quoted.front() == '\'' || quoted.front() == '"') &&
              quoted.back() == quoted.front(),
          "{}: pickle: a string without quotes", where);
  const std::string_view text = quoted.substr(1, quoted.size() - 2);
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
    } else if (text[++i] == 'x') {
      const auto byte = hex(text, i + 1, 2);
      require(byte.has_value(), "{}: pickle: a string with a broken \\x escape", where);
      out += static_cast<char>(*byte);
      i += 2;
    } else {
      out += plain_escape(text[i]);
    }
  }
  return out;
}

std::string pickle_unescape_unicode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == 'u' || text[i + 1] == 'U')) {
      const std::size_t digits = text[i + 1] == 'u' ? 4 : 8;
      if (const auto c = hex(text, i + 2, digits)) {
        append_utf8(out, *c);
        i += 1 + digits;
        continue;
      }
    }
    append_utf8(out, static_cast<unsigned char>(text[i]));
  }
  return out;
}

std::string pickle_latin1(std::string_view utf8) {
  std::string out;
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto c = static_cast<unsigned char>(utf8[i]);
    if (c < 0x80) {
      out += utf8[i];
    } else if ((c == 0xc2 || c == 0xc3) && i + 1 < utf8.size()) {
      out += static_cast<char>((c & 3) << 6 | (static_cast<unsigned char>(utf8[++i]) & 63));
    } else if (c >= 0xc0) {
      out += '?';
    }
  }
  return out;
}

}  // namespace san
