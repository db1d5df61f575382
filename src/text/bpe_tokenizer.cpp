#include "text/bpe_tokenizer.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <optional>
#include <queue>
#include <shared_mutex>

#include "base/error.h"
#include "base/hash.h"
#include "text/text_cleaning.h"
#include "text/unicode.h"

namespace san {
namespace {

constexpr int kBytes = 256;
constexpr std::string_view kEndOfWord = "</w>";
constexpr std::string_view kStartOfText = "<start_of_text>", kEndOfText = "<end_of_text>";
// A vocabulary of tens of thousands of classes has fewer distinct words; hostile input must not grow without
// bound.
constexpr std::size_t kMaxCachedWords = 1 << 16;

constexpr bool is_printable_byte(int b) {
  return (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
}

/// Token of each byte: the printable ones first, then the others, both ascending.
constexpr std::array<int, kBytes> kByteToken = [] {
  std::array<int, kBytes> token{};
  int next = 0;
  for (const bool printable : {true, false})
    for (int b = 0; b < kBytes; ++b)
      if (is_printable_byte(b) == printable) token[static_cast<std::size_t>(b)] = next++;
  return token;
}();

constexpr int kPrintableBytes = 188;

std::uint64_t pair_key(int left, int right) {
  return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
}

bool starts_with(std::u32string_view text, std::string_view ascii) {
  return text.size() >= ascii.size() &&
         std::equal(ascii.begin(), ascii.end(), text.begin(),
                    [](char a, char32_t b) { return static_cast<char32_t>(a) == b; });
}

/// Length of 's 't 're 've 'm 'll 'd at the start of `text`, 0: none. The long s is an s in caseless
/// matching.
std::size_t contraction_length(std::u32string_view text) {
  if (text.size() < 2 || text[0] != '\'') return 0;
  constexpr char32_t kLongS = 0x17f;
  if (text[1] == kLongS) return 2;
  for (const std::string_view ending : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"})
    if (starts_with(text, ending)) return ending.size();
  return 0;
}

/// White space, and the iota below: a mark whose capital is a letter, so no part of CLIP's caseless pattern
/// matches it.
bool is_separator(char32_t c) {
  return unicode::is_space(c) || c == 0x345;
}

/// Length of the word at the start of `text`, which is not a separator.
std::size_t word_length(std::u32string_view text) {
  for (const std::string_view special : {kStartOfText, kEndOfText})
    if (starts_with(text, special)) return special.size();
  if (const std::size_t length = contraction_length(text)) return length;
  if (unicode::is_number(text[0])) return 1;
  const bool letters = unicode::is_letter(text[0]);
  const auto end = std::ranges::find_if_not(text, [&](char32_t c) {
    return letters ? unicode::is_letter(c)
                   : !unicode::is_letter(c) && !unicode::is_number(c) && !is_separator(c);
  });
  return static_cast<std::size_t>(end - text.begin());
}

}  // namespace

std::vector<std::string> split_words(std::string_view text) {
  const std::u32string clean = clean_text(text);
  std::vector<std::string> words;
  for (std::u32string_view rest = clean; !rest.empty();) {
    const std::size_t length = is_separator(rest[0]) ? 0 : word_length(rest);
    if (length > 0) words.push_back(unicode::encode_utf8(rest.substr(0, length)));
    rest.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return words;
}

std::string byte_symbol(unsigned char byte) {
  std::string symbol;
  const int token = kByteToken[byte];
  unicode::append_utf8(
      symbol, static_cast<char32_t>(token < kPrintableBytes ? byte : kBytes + token - kPrintableBytes));
  return symbol;
}

struct BpeTokenizer::WordCache {
  std::shared_mutex mutex;
  std::unordered_map<std::string, std::vector<int>> words;
};

namespace {

/// What `make` makes; its errors begin with `where`.
template <class Make>
auto named(const std::string& where, const Make& make) {
  try {
    return make();
  } catch (const Error& error) {
    fail("{}: {}", where, error.what());
  }
}

}  // namespace

/// What is made of the merges, when the first word asks for it.
struct BpeTokenizer::Late {
  std::once_flag once;
  std::string text, where;
  std::optional<Tables> tables;
};

BpeTokenizer::BpeTokenizer(BpeTokenizer&&) noexcept = default;
BpeTokenizer& BpeTokenizer::operator=(BpeTokenizer&&) noexcept = default;
BpeTokenizer::~BpeTokenizer() = default;

BpeTokenizer::Tables::Tables(BpeMerges list) : merges(std::move(list)) {
  std::unordered_map<std::string, int> tokens;
  tokens.reserve(2 * kBytes + merges.size());
  pairs.reserve(merges.size());
  for (int b = 0; b < kBytes; ++b) {
    const int token = kByteToken[static_cast<std::size_t>(b)];
    const std::string symbol = byte_symbol(static_cast<unsigned char>(b));
    tokens[symbol] = token;
    tokens[symbol + std::string(kEndOfWord)] = kBytes + token;
  }
  const auto split = [](const std::string& merge) {
    const std::size_t blank = merge.find(' ');
    return std::pair(merge.substr(0, blank), blank == std::string::npos ? "" : merge.substr(blank + 1));
  };
  for (std::size_t i = 0; i < merges.size(); ++i) {
    const auto [left, right] = split(merges[i]);
    require(tokens.contains(left) && tokens.contains(right),
            "tokenizer: merge {} ('{}') joins a piece that no merge before it makes", i + 1, merges[i]);
    tokens[left + right] = 2 * kBytes + static_cast<int>(i);
  }
  // Only now, since of two merges that make the same piece CLIP numbers it by the later one.
  for (std::size_t i = 0; i < merges.size(); ++i) {
    const auto [left, right] = split(merges[i]);
    pairs.try_emplace(pair_key(tokens[left], tokens[right]),
                      Merge{static_cast<int>(i), tokens[left + right]});
  }
}

BpeTokenizer::BpeTokenizer(std::string_view merges, std::size_t count, int context_length)
    : merge_count_(count),
      context_length_(context_length),
      late_(std::make_unique<Late>()),
      cache_(std::make_unique<WordCache>()) {
  require(context_length >= 2, "tokenizer: a context of {} tokens has no room for the start and end tokens",
          context_length);
  content_hash_ = Sha256().update(fmt::format("clip-bpe-1 {}\n", context_length)).update(merges).hex();
}

BpeTokenizer::BpeTokenizer(BpeMerges merges, int context_length)
    : BpeTokenizer(format_bpe_merges(merges), merges.size(), context_length) {
  late_->tables.emplace(std::move(merges));
}

BpeTokenizer BpeTokenizer::of_text(std::string merges, const std::string& where, int context_length) {
  const std::optional<std::size_t> count = count_formatted_merges(merges);
  if (!count) {
    BpeMerges list = parse_bpe_merges(merges, where);
    return named(where, [&] { return BpeTokenizer(std::move(list), context_length); });
  }
  BpeTokenizer tokenizer(merges, *count, context_length);
  tokenizer.late_->text = std::move(merges), tokenizer.late_->where = where;
  return tokenizer;
}

const BpeTokenizer::Tables& BpeTokenizer::tables() const {
  std::call_once(late_->once, [this] {
    if (late_->tables) return;
    BpeMerges list = parse_bpe_merges(late_->text, late_->where);
    late_->tables = named(late_->where, [&] { return Tables(std::move(list)); });
    late_->text = {};
  });
  return *late_->tables;
}

std::vector<int> BpeTokenizer::merge_word(const std::string& word) const {
  // A linked list of tokens over the bytes, and the possible merges by rank, then by place.
  struct Node {
    int token, previous, next;
  };
  struct Candidate {
    int rank, place, left, right, result;
    bool operator>(const Candidate& other) const {
      return rank != other.rank ? rank > other.rank : place > other.place;
    }
  };
  const int count = static_cast<int>(word.size());
  std::vector<Node> nodes;
  for (int i = 0; i < count; ++i) {
    const int token = kByteToken[static_cast<unsigned char>(word[static_cast<std::size_t>(i)])];
    nodes.push_back({i + 1 == count ? kBytes + token : token, i - 1, i + 1 == count ? -1 : i + 1});
  }
  const auto node = [&](int i) -> Node& { return nodes[static_cast<std::size_t>(i)]; };
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto& pairs = tables().pairs;
  const auto consider = [&](int place) {
    if (place < 0 || node(place).next < 0) return;
    const int left = node(place).token, right = node(node(place).next).token;
    const auto found = pairs.find(pair_key(left, right));
    if (found != pairs.end()) queue.push({found->second.rank, place, left, right, found->second.result});
  };
  for (int i = 0; i < count; ++i) consider(i);
  std::vector<int> merged;
  while (!queue.empty()) {
    // All places of the best pair before anything that these merges make possible.
    const int rank = queue.top().rank;
    merged.clear();
    for (; !queue.empty() && queue.top().rank == rank; queue.pop()) {
      const Candidate& best = queue.top();
      Node& left = node(best.place);
      const bool current = left.token == best.left && left.next >= 0 && node(left.next).token == best.right;
      if (!current) continue;
      Node& right = node(left.next);
      left.token = best.result;
      left.next = right.next;
      right.token = -1;
      if (left.next >= 0) node(left.next).previous = best.place;
      merged.push_back(best.place);
    }
    for (const int place : merged) {
      consider(node(place).previous);
      consider(place);
    }
  }
  std::vector<int> tokens;
  for (int i = count > 0 ? 0 : -1; i >= 0; i = node(i).next) tokens.push_back(node(i).token);
  return tokens;
}

std::vector<int> BpeTokenizer::encode_word(const std::string& word) const {
  if (word == kStartOfText) return {start_token()};
  if (word == kEndOfText) return {end_token()};
  {
    const std::shared_lock lock(cache_->mutex);
    const auto found = cache_->words.find(word);
    if (found != cache_->words.end()) return found->second;
  }
  std::vector<int> tokens = merge_word(word);
  const std::unique_lock lock(cache_->mutex);
  if (cache_->words.size() < kMaxCachedWords) cache_->words.emplace(word, tokens);
  return tokens;
}

std::vector<int> BpeTokenizer::encode_uncut(std::string_view text) const {
  std::vector<int> tokens{start_token()};
  for (const std::string& word : split_words(text)) {
    const std::vector<int> pieces = encode_word(word);
    tokens.insert(tokens.end(), pieces.begin(), pieces.end());
    if (tokens.back() == end_token()) return tokens;
  }
  tokens.push_back(end_token());
  return tokens;
}

std::vector<int> BpeTokenizer::encode(std::string_view text) const {
  std::vector<int> tokens = encode_uncut(text);
  if (tokens.size() > static_cast<std::size_t>(context_length_)) {
    tokens.resize(static_cast<std::size_t>(context_length_));
    tokens.back() = end_token();
  }
  return tokens;
}

}  // namespace san
