#include "export/tokenizer_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/utf8.h"
#include "text/unicode.h"

namespace san {
namespace {

using json = nlohmann::ordered_json;

constexpr const char* kStart = "<start_of_text>";
constexpr const char* kEnd = "<end_of_text>";
constexpr const char* kEndOfWord = "</w>";
// CLIP's words: contractions, runs of letters, single numbers, runs of anything else.
constexpr const char* kWords = R"('s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+)";

json vocabulary(const BpeTokenizer& tokenizer) {
  std::vector<std::string> symbols;
  for (int b = 0; b < 256; ++b) symbols.push_back(byte_symbol(static_cast<unsigned char>(b)));
  // Bytes are numbered in the order of the characters that stand for them.
  std::ranges::sort(symbols, {}, [](const std::string& s) { return decode_code_point(s).value; });
  json vocab = json::object();
  int next = 0;
  for (const std::string& symbol : symbols) vocab[symbol] = next++;
  for (const std::string& symbol : symbols) vocab[symbol + kEndOfWord] = next++;
  for (const std::string& merge : tokenizer.merges()) {
    const std::size_t blank = merge.find(' ');
    vocab[merge.substr(0, blank) + merge.substr(blank + 1)] = next++;
  }
  vocab[kStart] = tokenizer.start_token();
  vocab[kEnd] = tokenizer.end_token();
  return vocab;
}

json added(int id, const char* content) {
  return {{"id", id},        {"content", content}, {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", true}, {"special", true}};
}

json replaced(const char* kind, const std::string& pattern, const std::string& content) {
  return {{"type", "Replace"}, {"pattern", {{kind, pattern}}}, {"content", content}};
}

/// What CLIP does to a text before it splits it, as far as replacements can: terminal escapes and control
/// characters, the commonest HTML references twice over, ligatures, fullwidth forms, curly quotes, canonical
/// composition, white space, lower case.
json cleaning() {
  json steps = json::array();
  steps.push_back(replaced("Regex", R"(\x1b\[[0-9;]*[A-Za-z])", ""));
  steps.push_back(replaced("Regex", R"([\x00-\x08\x0b\x0e-\x1f\x7f])", ""));
  for (int twice = 0; twice < 2; ++twice)
    for (const auto& [reference, character] : {std::pair{"&lt;", "<"},
                                               {"&gt;", ">"},
                                               {"&quot;", "\""},
                                               {"&#39;", "'"},
                                               {"&nbsp;", " "},
                                               {"&amp;", "&"}})
      steps.push_back(replaced("String", reference, character));
  for (const auto& [ligature, letters] : {std::pair{U'\ufb00', "ff"},
                                          {U'\ufb01', "fi"},
                                          {U'\ufb02', "fl"},
                                          {U'\ufb03', "ffi"},
                                          {U'\ufb04', "ffl"},
                                          {U'\ufb05', "st"},
                                          {U'\ufb06', "st"}})
    steps.push_back(replaced("String", unicode::encode_utf8({&ligature, 1}), letters));
  constexpr char32_t kFullwidth = 0xff01;  // as ASCII from ! to ~
  for (char32_t c = '!'; c <= '~'; ++c) {
    const char32_t wide = kFullwidth + (c - '!');
    steps.push_back(
        replaced("String", unicode::encode_utf8({&wide, 1}), std::string(1, static_cast<char>(c))));
  }
  steps.push_back(replaced("Regex", "[\u2018-\u201b]", "'"));
  steps.push_back(replaced("Regex", "[\u201c-\u201f]", "\""));
  steps.push_back({{"type", "NFC"}});
  steps.push_back(replaced("Regex", R"(\s+)", " "));
  steps.push_back({{"type", "Lowercase"}});
  return steps;
}

}  // namespace

std::string tokenizer_json(const BpeTokenizer& tokenizer) {
  const json byte_level{
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", false}};
  json out;
  out["version"] = "1.0";
  out["truncation"] = {{"direction", "Right"},
                       {"max_length", tokenizer.context_length()},
                       {"strategy", "LongestFirst"},
                       {"stride", 0}};
  out["padding"] = nullptr;
  out["added_tokens"] = {added(tokenizer.start_token(), kStart), added(tokenizer.end_token(), kEnd)};
  out["normalizer"] = {{"type", "Sequence"}, {"normalizers", cleaning()}};
  out["pre_tokenizer"] = {
      {"type", "Sequence"},
      {"pretokenizers",
       {json{{"type", "Split"}, {"pattern", {{"Regex", kWords}}}, {"behavior", "Removed"}, {"invert", true}},
        byte_level}}};
  out["post_processor"] = {{"type", "RobertaProcessing"},
                           {"sep", {kEnd, tokenizer.end_token()}},
                           {"cls", {kStart, tokenizer.start_token()}},
                           {"trim_offsets", false},
                           {"add_prefix_space", false}};
  out["decoder"] = byte_level;
  out["model"] = {{"type", "BPE"},
                  {"dropout", nullptr},
                  {"unk_token", nullptr},
                  {"continuing_subword_prefix", ""},
                  {"end_of_word_suffix", kEndOfWord},
                  {"fuse_unk", false},
                  {"byte_fallback", false},
                  {"vocab", vocabulary(tokenizer)},
                  {"merges", tokenizer.merges()}};
  return out.dump() + "\n";
}

}  // namespace san
