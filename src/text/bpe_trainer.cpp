#include "text/bpe_trainer.h"

#include <queue>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "text/bpe_tokenizer.h"

namespace san {
namespace {

using Pair = std::pair<int, int>;

struct PairHash {
  std::size_t operator()(const Pair& p) const {
    return std::hash<std::uint64_t>()(std::uint64_t{static_cast<std::uint32_t>(p.first)} << 32 |
                                      static_cast<std::uint32_t>(p.second));
  }
};

struct Word {
  std::vector<int> pieces;
  std::int64_t count;
};

class Trainer {
 public:
  explicit Trainer(const WordCounts& counts) {
    for (const auto& [text, count] : counts) {
      Word word{{}, count};
      for (std::size_t i = 0; i < text.size(); ++i) {
        const std::string symbol = byte_symbol(static_cast<unsigned char>(text[i]));
        word.pieces.push_back(token_of(i + 1 == text.size() ? symbol + "</w>" : symbol));
      }
      words_.push_back(std::move(word));
    }
    for (std::size_t i = 0; i < words_.size(); ++i) add_pairs(i, 1);
    for (const auto& [pair, count] : counts_) queue_.push({count, pair});
  }

  BpeMerges train(std::size_t merge_count, std::int64_t min_pair_count) {
    BpeMerges merges;
    std::set<Pair> learned;
    while (merges.size() < merge_count && !queue_.empty()) {
      const Candidate best = queue_.top();
      queue_.pop();
      const std::int64_t count = counts_[best.pair];
      if (count < min_pair_count) continue;
      if (count != best.count) {
        queue_.push({count, best.pair});
        continue;
      }
      const std::string left = symbols_[index(best.pair.first)], right = symbols_[index(best.pair.second)];
      // A pair comes back when another split of its left or right piece is learned later: it needs no second
      // line.
      if (learned.insert(best.pair).second) merges.push_back(fmt::format("{} {}", left, right));
      join(best.pair, token_of(left + right));
    }
    return merges;
  }

 private:
  struct Candidate {
    std::int64_t count;
    Pair pair;
    bool operator<(const Candidate& other) const {
      return count != other.count ? count < other.count : pair > other.pair;
    }
  };

  static std::size_t index(int token) { return static_cast<std::size_t>(token); }

  int token_of(const std::string& symbol) {
    const auto [found, added] = tokens_.try_emplace(symbol, static_cast<int>(symbols_.size()));
    if (added) symbols_.push_back(symbol);
    return found->second;
  }

  void add_pairs(std::size_t word, int sign) {
    const auto& [pieces, count] = words_[word];
    for (std::size_t i = 0; i + 1 < pieces.size(); ++i) {
      const Pair pair{pieces[i], pieces[i + 1]};
      counts_[pair] += sign * count;
      if (sign > 0) where_[pair].insert(word);
    }
  }

  void join(Pair pair, int joined) {
    std::set<Pair> changed;
    const auto places = std::move(where_[pair]);
    where_.erase(pair);
    for (const std::size_t place : places) {
      add_pairs(place, -1);
      std::vector<int>& pieces = words_[place].pieces;
      std::vector<int> next;
      for (std::size_t i = 0; i < pieces.size(); ++i) {
        const bool match = i + 1 < pieces.size() && Pair{pieces[i], pieces[i + 1]} == pair;
        next.push_back(match ? joined : pieces[i]);
        i += match;
      }
      pieces = std::move(next);
      add_pairs(place, 1);
      for (std::size_t i = 0; i + 1 < pieces.size(); ++i)
        if (pieces[i] == joined || pieces[i + 1] == joined) changed.insert({pieces[i], pieces[i + 1]});
    }
    for (const Pair& other : changed) queue_.push({counts_[other], other});
  }

  std::vector<Word> words_;
  std::vector<std::string> symbols_;
  std::unordered_map<std::string, int> tokens_;
  std::unordered_map<Pair, std::int64_t, PairHash> counts_;
  std::unordered_map<Pair, std::unordered_set<std::size_t>, PairHash> where_;
  std::priority_queue<Candidate> queue_;  // counts may be stale; counts_ has the truth
};

}  // namespace

void count_words(std::string_view text, WordCounts& counts) {
  for (std::string& word : split_words(text)) ++counts[std::move(word)];
}

BpeMerges train_bpe(const WordCounts& counts, int merge_count, std::int64_t min_pair_count) {
  require(merge_count >= 0 && min_pair_count >= 1,
          "BPE training: {} merges of pairs that occur {} times make no sense", merge_count, min_pair_count);
  return Trainer(counts).train(static_cast<std::size_t>(merge_count), min_pair_count);
}

}  // namespace san
