#include "export/tokenizer_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/utf8.h"

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
  out["normalizer"] = {{"type", "Sequence"},
                       {"normalizers",
                        {json{{"type", "NFC"}},
                         json{{"type", "Replace"}, {"pattern", {{"Regex", R"(\s+)"}}}, {"content", " "}},
                         json{{"type", "Lowercase"}}}}};
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
