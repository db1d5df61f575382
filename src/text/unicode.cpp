#include "text/unicode.h"

#include <algorithm>

#include "base/error.h"
#include "text/unicode_tables.h"

namespace san::unicode {
namespace {

struct Decoded {
  char32_t code_point;
  int length;  // bytes; 0: malformed
};

Decoded decode_one(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const int length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < static_cast<std::size_t>(length)) return {0, 0};
  char32_t c = lead & (0xffu >> (length + 1));
  for (int i = 1; i < length; ++i) {
    const unsigned next = byte(static_cast<std::size_t>(i));
    if ((next & 0xc0) != 0x80) return {0, 0};
    c = c << 6 | (next & 0x3f);
  }
  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (c < kSmallest[length] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return {0, 0};
  return {c, length};
}

/// Offset of the first malformed byte, or npos.
std::size_t decode(std::string_view text, std::u32string& out) {
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto [c, length] = decode_one(text.substr(at));
    if (length == 0) return at;
    out.push_back(c);
    at += static_cast<std::size_t>(length);
  }
  return std::string_view::npos;
}

bool contains(std::span<const Range> ranges, char32_t c) {
  const auto next = std::ranges::upper_bound(ranges, c, {}, &Range::first);
  return next != ranges.begin() && c <= std::prev(next)->last;
}

char32_t lower_one(char32_t c) {
  const auto runs = lower_case_runs();
  auto next = std::ranges::upper_bound(runs, c, {}, &CaseRun::first);
  if (next == runs.begin()) return c;
  const CaseRun& run = *std::prev(next);
  if (c > run.last || (c - run.first) % run.stride != 0) return c;
  return static_cast<char32_t>(static_cast<std::int64_t>(c) + run.delta);
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
  return contains(letters(), c);
}

bool is_number(char32_t c) {
  if (c < 0x80) return c >= '0' && c <= '9';
  return contains(numbers(), c);
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
      out.push_back(lower_one(c));
    }
  }
  return out;
}

}  // namespace san::unicode
