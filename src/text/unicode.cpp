#include "text/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/utf8.h"

namespace san::unicode {
namespace {

/// Offset of the first malformed byte, or npos.
std::size_t decode(std::string_view text, std::u32string& out) {
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto [c, length] = decode_code_point(text.substr(at));
    if (length == 0) return at;
    out.push_back(c);
    at += length;
  }
  return std::string_view::npos;
}

bool is_mark(char32_t c) {
  return utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class != 0;
}

// Canonical ordering: a stable sort by class within each run of marks. utf8proc sorts by insertion, which
// takes quadratic time on long runs.
void order_marks(std::u32string& text) {
  const auto combining_class = [](char32_t c) {
    return utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class;
  };
  for (auto begin = text.begin(); begin != text.end();) {
    begin = std::find_if(begin, text.end(), is_mark);
    const auto end = std::find_if_not(begin, text.end(), is_mark);
    std::ranges::stable_sort(begin, end, {}, combining_class);
    begin = end;
  }
}

void append_decomposed(std::u32string& out, char32_t c, int options) {
  std::array<utf8proc_int32_t, 32> parts{};  // the longest decomposition has 18
  const utf8proc_ssize_t count =
      utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), parts.data(), parts.size(),
                              static_cast<utf8proc_option_t>(options | UTF8PROC_DECOMPOSE), nullptr);
  require(count > 0 && static_cast<std::size_t>(count) <= parts.size(), "U+{:04X} cannot be decomposed",
          static_cast<unsigned>(c));
  out.append(parts.begin(), parts.begin() + count);
}

// Word-internal marks that do not end a word for the final-sigma rule.
bool is_case_ignorable(char32_t c) {
  return c == '\'' || c == '.' || c == ':' || c == 0xad || c == 0xb7 || c == 0x2019 ||
         (c >= 0x300 && c < 0x370);
}

bool is_final_sigma(std::u32string_view text, std::size_t at) {
  std::size_t before = at;
  while (before > 0 && is_case_ignorable(text[before - 1])) --before;
  std::size_t after = at + 1;
  while (after < text.size() && is_case_ignorable(text[after])) ++after;
  return before > 0 && is_letter(text[before - 1]) && (after == text.size() || !is_letter(text[after]));
}

}  // namespace

std::u32string decode_utf8(std::string_view text) {
  std::u32string out;
  const std::size_t bad = decode(text, out);
  require(bad == std::string_view::npos, "text is not valid UTF-8 at byte {} (0x{:02x}); save it as UTF-8",
          bad, bad < text.size() ? static_cast<unsigned char>(text[bad]) : 0);
  return out;
}

std::optional<std::u32string> try_decode_utf8(std::string_view text) {
  std::u32string out;
  if (decode(text, out) != std::string_view::npos) return std::nullopt;
  return out;
}

void append_utf8(std::string& out, char32_t c) {
  const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  const auto tail = [&](int shift) { put(0x80 | (c >> shift & 0x3f)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | c >> 6), tail(0);
  } else if (c < 0x10000) {
    put(0xe0 | c >> 12), tail(6), tail(0);
  } else {
    put(0xf0 | c >> 18), tail(12), tail(6), tail(0);
  }
}

std::string encode_utf8(std::u32string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char32_t c : text) append_utf8(out, c);
  return out;
}

bool is_letter(char32_t c) {
  if (c < 0x80) return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
  const utf8proc_category_t category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

bool is_number(char32_t c) {
  if (c < 0x80) return c >= '0' && c <= '9';
  const utf8proc_category_t category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  return category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO;
}

bool is_space(char32_t c) {
  return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

std::u32string to_lower(std::u32string_view text) {
  constexpr char32_t kCapitalSigma = 0x3a3, kFinalSigma = 0x3c2, kDottedCapitalI = 0x130, kDotAbove = 0x307;
  std::u32string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char32_t c = text[i];
    if (c < 0x80) {
      out.push_back(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    } else if (c == kCapitalSigma && is_final_sigma(text, i)) {
      out.push_back(kFinalSigma);
    } else if (c == kDottedCapitalI) {
      out.push_back('i');
      out.push_back(kDotAbove);
    } else {
      out.push_back(static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
    }
  }
  return out;
}

std::u32string nfc(std::u32string_view text) {
  // Nothing below U+0300 changes under NFC.
  if (std::ranges::all_of(text, [](char32_t c) { return c < 0x300; })) return std::u32string(text);
  std::u32string out;
  for (const char32_t c : text) append_decomposed(out, c, UTF8PROC_STABLE);
  order_marks(out);
  static_assert(sizeof(char32_t) == sizeof(utf8proc_int32_t));
  const utf8proc_ssize_t length = utf8proc_normalize_utf32(
      reinterpret_cast<utf8proc_int32_t*>(out.data()), static_cast<utf8proc_ssize_t>(out.size()),
      static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  require(length >= 0, "text cannot be normalised: {}", utf8proc_errmsg(length));
  out.resize(static_cast<std::size_t>(length));
  return out;
}

std::u32string ordinary_width(std::u32string_view text) {
  std::u32string out;
  for (const char32_t c : text) {
    if (c == 0x3000)
      out.push_back(' ');
    else if (c < 0xff01 || c >= 0xfff0)
      out.push_back(c);
    else
      append_decomposed(out, c, UTF8PROC_STABLE | UTF8PROC_COMPAT);
  }
  return out;
}

}  // namespace san::unicode
