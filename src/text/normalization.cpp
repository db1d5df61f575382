#include <algorithm>
#include <charconv>
#include <cstdint>
#include <unordered_map>

#include "embedded/text_normalization.h"
#include "text/unicode.h"

namespace san::unicode {
namespace {

constexpr char32_t kHangulS = 0xac00, kHangulL = 0x1100, kHangulV = 0x1161, kHangulT = 0x11a7;
constexpr char32_t kCountL = 19, kCountV = 21, kCountT = 28, kCountS = kCountL * kCountV * kCountT;

struct Tables {
  std::unordered_map<char32_t, int> combining_class;
  std::unordered_map<char32_t, std::u32string> decomposition, width;
  std::unordered_map<std::uint64_t, char32_t> composition;
};

std::uint64_t pair_key(char32_t a, char32_t b) {
  return std::uint64_t{a} << 32 | b;
}

Tables read_tables() {
  Tables tables;
  std::string_view rest = embedded::text_normalization();
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() + 1);
    std::u32string values;
    for (std::size_t at = 2; at < line.size();) {
      unsigned value = 0;
      const auto end = std::from_chars(line.data() + at, line.data() + line.size(), value, 16).ptr;
      values.push_back(value);
      at = static_cast<std::size_t>(end - line.data()) + 1;
    }
    switch (line[0]) {
      case 'C':
        tables.combining_class[values[0]] = static_cast<int>(values[1]);
        break;
      case 'W':
        tables.width[values[0]] = values.substr(1);
        break;
      case 'D':
        tables.composition[pair_key(values[1], values[2])] = values[0];
        [[fallthrough]];
      default:
        tables.decomposition[values[0]] = values.substr(1);
    }
  }
  return tables;
}

const Tables& tables() {
  static const Tables instance = read_tables();
  return instance;
}

int combining_class(char32_t c) {
  const auto found = tables().combining_class.find(c);
  return found == tables().combining_class.end() ? 0 : found->second;
}

void decompose(char32_t c, std::u32string& out) {
  if (c >= kHangulS && c < kHangulS + kCountS) {
    const char32_t index = c - kHangulS;
    out.push_back(kHangulL + index / (kCountV * kCountT));
    out.push_back(kHangulV + index / kCountT % kCountV);
    if (index % kCountT != 0) out.push_back(kHangulT + index % kCountT);
    return;
  }
  const auto found = tables().decomposition.find(c);
  if (found == tables().decomposition.end()) {
    out.push_back(c);
    return;
  }
  for (const char32_t part : found->second) decompose(part, out);
}

/// The character that a and b compose to; 0: none.
char32_t compose(char32_t a, char32_t b) {
  if (a >= kHangulL && a < kHangulL + kCountL && b >= kHangulV && b < kHangulV + kCountV)
    return kHangulS + ((a - kHangulL) * kCountV + (b - kHangulV)) * kCountT;
  if (a >= kHangulS && a < kHangulS + kCountS && (a - kHangulS) % kCountT == 0 && b > kHangulT &&
      b < kHangulT + kCountT)
    return a + (b - kHangulT);
  const auto found = tables().composition.find(pair_key(a, b));
  return found == tables().composition.end() ? 0 : found->second;
}

// Canonical ordering: stable sort by class within each run of non-starters.
void order_marks(std::u32string& text) {
  for (auto begin = text.begin(); begin != text.end();) {
    if (combining_class(*begin) == 0) {
      ++begin;
      continue;
    }
    const auto end = std::find_if(begin, text.end(), [](char32_t c) { return combining_class(c) == 0; });
    std::stable_sort(begin, end,
                     [](char32_t a, char32_t b) { return combining_class(a) < combining_class(b); });
    begin = end;
  }
}

}  // namespace

std::u32string nfc(std::u32string_view text) {
  // Nothing below U+0300 changes under NFC.
  if (std::ranges::all_of(text, [](char32_t c) { return c < 0x300; })) return std::u32string(text);
  std::u32string decomposed;
  for (const char32_t c : text) decompose(c, decomposed);
  order_marks(decomposed);

  std::u32string out;
  std::size_t starter = std::u32string::npos;
  int last_class = 0;
  for (const char32_t c : decomposed) {
    const int cls = combining_class(c);
    // Blocked when something of the same or a higher class (or a starter) lies between.
    const bool adjacent = starter + 1 == out.size();
    if (starter != std::u32string::npos && (adjacent || (last_class != 0 && last_class < cls))) {
      if (const char32_t joined = compose(out[starter], c)) {
        out[starter] = joined;
        continue;
      }
    }
    if (cls == 0) starter = out.size();
    last_class = cls;
    out.push_back(c);
  }
  return out;
}

std::u32string ordinary_width(std::u32string_view text) {
  std::u32string out;
  for (const char32_t c : text) {
    if (c == 0x3000) {
      out.push_back(' ');
    } else if (c < 0xff01 || c >= 0xfff0) {
      out.push_back(c);
    } else {
      const auto found = tables().width.find(c);
      if (found == tables().width.end())
        out.push_back(c);
      else
        out += found->second;
    }
  }
  return out;
}

}  // namespace san::unicode
