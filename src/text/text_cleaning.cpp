#include "text/text_cleaning.h"

#include <algorithm>

#include "base/error.h"
#include "text/html_entities.h"
#include "text/unicode.h"
#include "text/windows_1252.h"

namespace san {
namespace {

// Hostile input nests references deeply ("&amp;amp;amp;…"): each pass over the text takes off one layer. Real
// text needs two or three.
constexpr int kMaxRepairPasses = 16;

/// UTF-8 that was once read as Windows-1252 or Latin-1 ("schÃ¶n"), read rightly; otherwise the text itself.
/// It must be UTF-8 as a whole and improbable as it stands: a single two-byte sequence counts only for the
/// leads Â and Ã, since "AHÅ™" and the like are honest text.
std::u32string repair_encoding(std::u32string_view text) {
  std::string bytes;
  for (const char32_t c : text) {
    const auto byte = unicode_to_windows_1252(c);
    if (!byte) return std::u32string(text);
    bytes.push_back(static_cast<char>(*byte));
  }
  const auto decoded = unicode::try_decode_utf8(bytes);
  if (!decoded) return std::u32string(text);
  int sequences = 0;
  bool clear = false;
  for (const char32_t c : *decoded) {
    sequences += c >= 0x80;
    clear |= (c >= 0x80 && c < 0x100) || c >= 0x800;
  }
  return clear || sequences > 1 ? *decoded : std::u32string(text);
}

std::u32string_view ligature(char32_t c) {
  switch (c) {
    case 0x132:
      return U"IJ";
    case 0x133:
      return U"ij";
    case 0x149:
      return U"\u02bcn";
    case 0x1c4:
      return U"D\u017d";
    case 0x1c5:
      return U"D\u017e";
    case 0x1c6:
      return U"d\u017e";
    case 0x1c7:
      return U"LJ";
    case 0x1c8:
      return U"Lj";
    case 0x1c9:
      return U"lj";
    case 0x1ca:
      return U"NJ";
    case 0x1cb:
      return U"Nj";
    case 0x1cc:
      return U"nj";
    case 0x1f1:
      return U"DZ";
    case 0x1f2:
      return U"Dz";
    case 0x1f3:
      return U"dz";
    case 0xfb00:
      return U"ff";
    case 0xfb01:
      return U"fi";
    case 0xfb02:
      return U"fl";
    case 0xfb03:
      return U"ffi";
    case 0xfb04:
      return U"ffl";
    case 0xfb05:
      return U"\u017ft";
    case 0xfb06:
      return U"st";
    default:
      return {};
  }
}

/// C1 controls as Windows-1252, ligatures apart.
std::u32string replace_characters(std::u32string_view text) {
  std::u32string out;
  for (const char32_t c : text) {
    if (const auto letters = ligature(c); !letters.empty())
      out += letters;
    else
      out.push_back(c < 0x100 ? windows_1252_to_unicode(static_cast<unsigned char>(c)) : c);
  }
  return out;
}

char32_t straight_quote(char32_t c) {
  if (c == 0x2bc || (c >= 0x2018 && c <= 0x201b)) return '\'';
  if (c >= 0x201c && c <= 0x201f) return '"';
  return c;
}

bool is_removed_control(char32_t c) {
  return c <= 8 || c == 0xb || (c >= 0xe && c < 0x20) || c == 0x7f || (c >= 0x206a && c < 0x2070) ||
         c == 0xfeff || (c >= 0xfff9 && c <= 0xfffc);
}

/// Length of a terminal escape sequence (ESC [ digits and semicolons, letter) at the start of `text`, 0:
/// none.
std::size_t terminal_escape_length(std::u32string_view text) {
  if (text.size() < 3 || text[0] != 0x1b || text[1] != '[') return 0;
  std::size_t at = 2;
  while (at < text.size() && ((text[at] >= '0' && text[at] <= '9') || text[at] == ';')) ++at;
  return at < text.size() && text[at] < 0x80 && unicode::is_letter(text[at]) ? at + 1 : 0;
}

/// Straight quotes, one kind of line break, no terminal escapes or control characters.
std::u32string simplify_characters(std::u32string_view text) {
  std::u32string out;
  for (std::size_t at = 0; at < text.size();) {
    if (const std::size_t skip = terminal_escape_length(text.substr(at))) {
      at += skip;
      continue;
    }
    const char32_t c = straight_quote(text[at++]);
    const bool crlf = c == '\r' && at < text.size() && text[at] == '\n';
    if (c == '\r' || c == 0x2028 || c == 0x2029 || c == 0x85) {
      if (!crlf) out.push_back('\n');
    } else if (!is_removed_control(c)) {
      out.push_back(c);
    }
  }
  return out;
}

std::u32string repair_line(std::u32string_view line, bool html) {
  std::u32string text(line);
  for (int pass = 0; pass < kMaxRepairPasses; ++pass) {
    const std::u32string before = text;
    if (html) text = unescape_html_strict(text);
    text = simplify_characters(unicode::ordinary_width(replace_characters(repair_encoding(text))));
    text = unicode::nfc(text);
    if (text == before) return text;
  }
  fail("HTML references or mixed-up encodings are nested more than {} deep; write the text plainly",
       kMaxRepairPasses - 1);
}

bool needs_no_repair(std::u32string_view text) {
  return std::ranges::all_of(text, [](char32_t c) {
    return (c >= ' ' && c < 0x7f && c != '&') || c == '\n' || c == '\t' || c == '\f';
  });
}

std::u32string collapse_spaces(std::u32string_view text) {
  std::u32string out;
  for (const char32_t c : text) {
    if (!unicode::is_space(c))
      out.push_back(c);
    else if (!out.empty() && out.back() != ' ')
      out.push_back(' ');
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

}  // namespace

std::u32string repair_text(std::u32string_view text) {
  if (needs_no_repair(text)) return std::u32string(text);
  // Text with a tag in it is taken for HTML source, where references belong.
  const bool html = text.find('<') == std::u32string_view::npos;
  std::u32string out;
  while (!text.empty()) {
    const std::size_t line_break = text.find('\n');
    const std::size_t length = line_break == std::u32string_view::npos ? text.size() : line_break + 1;
    out += repair_line(text.substr(0, length), html);
    text.remove_prefix(length);
  }
  return out;
}

std::u32string clean_text(std::string_view text) {
  std::u32string clean = repair_text(unicode::decode_utf8(text));
  if (clean.find('&') != std::u32string::npos) clean = unescape_html(unescape_html(clean));
  return unicode::to_lower(collapse_spaces(clean));
}

}  // namespace san
