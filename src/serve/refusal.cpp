#include "serve/refusal.h"

#include <cctype>

#include "base/utf8.h"

namespace san::serve {
namespace {

bool ends_word(char c) {
  return std::isspace(static_cast<unsigned char>(c)) != 0 || c == ',' || c == ';' || c == ')' || c == '"' ||
         c == '\'';
}

bool begins_path(std::string_view text, std::size_t at) {
  const bool after_a_break = at == 0 || ends_word(text[at - 1]) || text[at - 1] == '(' || text[at - 1] == '=';
  return after_a_break && (text[at] == '/' || text.substr(at).starts_with("~/") ||
                           text.substr(at).starts_with("./") || text.substr(at).starts_with("../"));
}

}  // namespace

void refuse_for_now(int status, const char* code, std::string_view message, int retry_after_s) {
  throw Refusal(status, code, std::string(message), "", retry_after_s);
}

std::string public_words(std::string_view text) {
  constexpr std::size_t kLongest = 400;
  std::string kept;
  for (std::size_t i = 0; i < text.size();) {
    const bool address = text.substr(i).starts_with("0x") && (i == 0 || ends_word(text[i - 1]));
    if (!address && !begins_path(text, i)) {
      kept += text[i++];
      continue;
    }
    kept += "…";
    while (i < text.size() && !ends_word(text[i]) && text[i] != ':') ++i;
  }
  return printable(kept, kLongest);
}

}  // namespace san::serve
