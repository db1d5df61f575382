#include "text/bpe_merges.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/reader_limit.h"
#include "text/gzip.h"

namespace san {
namespace {

// CLIP's own files: 3.2 MB of text, 2.2 MB of JSON.
constexpr std::size_t kMaxFileBytes = std::size_t{32} << 20;
constexpr std::size_t kMaxMergeBytes = 1024;
constexpr std::size_t kByteTokens = 512;

std::string next_line(std::string_view& rest) {
  std::string line(rest.substr(0, rest.find('\n')));
  rest.remove_prefix(std::min(line.size() + 1, rest.size()));
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

bool is_pair(std::string_view merge) {
  const std::size_t blank = merge.find(' ');
  return blank != std::string_view::npos && blank > 0 && blank + 1 < merge.size() &&
         merge.rfind(' ') == blank;
}

void check_merge(std::string_view merge, const std::string& where, std::size_t number) {
  require(merge.size() <= kMaxMergeBytes, "{}: merge {} is {} bytes long, more than the {} allowed", where,
          number, merge.size(), kMaxMergeBytes);
  require(is_pair(merge), "{}: merge {} is '{}', expected two pieces with one blank between them", where,
          number, merge.substr(0, 60));
}

/// Of what may be a list of lines or a Hugging Face tokenizer.json.
bool is_json(std::string_view content) {
  if (!content.substr(0, content.find_first_not_of(" \t\r\n") + 1).ends_with('{')) return false;
  // A merges file may begin with the merge "{ {": JSON goes on with a key or the closing brace.
  const std::size_t second = content.find_first_not_of(" \t\r\n", content.find('{') + 1);
  return second != std::string_view::npos && (content[second] == '"' || content[second] == '}');
}

BpeMerges parse_lines(std::string_view content, const std::string& where, std::size_t limit) {
  BpeMerges merges;
  bool first = true;
  while (!content.empty() && merges.size() < limit) {
    std::string line = next_line(content);
    if (std::exchange(first, false) && line.find("#version") != std::string::npos) continue;
    if (line.empty() && content.empty()) break;
    check_merge(line, where, merges.size() + 1);
    merges.push_back(std::move(line));
  }
  return merges;
}

using Json = nlohmann::json;

const Json& member(const Json& object, const char* name, Json::value_t type, const std::string& where) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  require(object.is_object() && found != object.end() && found->type() == type,
          "{}: no {} '{}'; expected a Hugging Face tokenizer.json of CLIP", where, Json(type).type_name(),
          name);
  return *found;
}

/// Our token numbers follow from the merges; a vocabulary that numbers them otherwise belongs to another
/// tokenizer.
void check_vocabulary(const Json& vocab, const BpeMerges& merges, const std::string& where) {
  for (std::size_t i = 0; i < merges.size(); ++i) {
    std::string token = merges[i];
    token.erase(token.find(' '), 1);
    const auto found = vocab.find(token);
    require(found != vocab.end() && *found == kByteTokens + i,
            "{}: token '{}' is not numbered {} in the vocabulary, as CLIP's tokenizer numbers it", where,
            token, kByteTokens + i);
  }
}

BpeMerges parse_json(std::string_view content, const std::string& where, std::size_t limit) {
  const Json root = Json::parse(content, nullptr, false);
  require(!root.is_discarded(), "{}: looks like JSON but cannot be parsed", where);
  const Json& model = member(root, "model", Json::value_t::object, where);
  const Json& list = member(model, "merges", Json::value_t::array, where);
  const auto suffix = model.find("end_of_word_suffix");
  require(suffix != model.end() && *suffix == "</w>",
          "{}: its tokenizer does not end words with '</w>', so it is not CLIP's", where);
  BpeMerges merges;
  for (const Json& item : list) {
    if (merges.size() == limit) break;
    const bool pair = item.is_array() && item.size() == 2 && item[0].is_string() && item[1].is_string();
    require(pair || item.is_string(), "{}: merge {} is neither a string nor a pair of strings", where,
            merges.size() + 1);
    merges.push_back(pair ? item[0].get<std::string>() + ' ' + item[1].get<std::string>()
                          : item.get<std::string>());
    check_merge(merges.back(), where, merges.size());
  }
  check_vocabulary(member(model, "vocab", Json::value_t::object, where), merges, where);
  return merges;
}

}  // namespace

BpeMerges parse_bpe_merges(std::string_view content, const std::string& where, std::size_t limit) {
  ReaderLimit(kMaxFileBytes).check(content.size(), where, "bytes");
  BpeMerges merges =
      is_json(content) ? parse_json(content, where, limit) : parse_lines(content, where, limit);
  require(!merges.empty(), "{}: no byte-pair merges in it", where);
  return merges;
}

BpeMerges load_bpe_merges(const std::filesystem::path& path, std::size_t limit) {
  std::string content = read_text_file(path, kMaxFileBytes);
  if (is_gzip(content)) content = gunzip(content, path.string(), kMaxFileBytes);
  return parse_bpe_merges(content, path.string(), limit);
}

std::optional<std::size_t> count_formatted_merges(std::string_view text) {
  if (text.empty() || text.size() > kMaxFileBytes || !text.ends_with('\n') ||
      text.substr(0, text.find('\n')).find("#version") != std::string_view::npos || is_json(text))
    return std::nullopt;
  // CLIP's alphabet has no control characters.
  const auto is_control = [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7f;
  };
  if (std::any_of(text.begin(), text.end(), is_control)) return std::nullopt;
  std::size_t count = 0;
  for (; !text.empty(); ++count) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (count == kClipMergeCount || line.size() > kMaxMergeBytes || !is_pair(line)) return std::nullopt;
    text.remove_prefix(line.size() + 1);
  }
  return count;
}

std::string format_bpe_merges(const BpeMerges& merges) {
  std::string text;
  for (const std::string& merge : merges) text += merge + '\n';
  return text;
}

}  // namespace san
