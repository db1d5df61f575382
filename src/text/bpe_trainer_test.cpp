#include "text/bpe_trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/error.h"
#include "base/hash.h"
#include "text/bpe_tokenizer.h"

namespace san {
namespace {

using testing::ElementsAre;

/// The definition: count all pairs anew before every merge.
BpeMerges train_naively(const WordCounts& counts, std::size_t merge_count) {
  std::vector<std::pair<std::vector<std::string>, std::int64_t>> words;
  std::map<std::string, int> order;
  const auto token = [&](const std::string& symbol) {
    order.try_emplace(symbol, static_cast<int>(order.size()));
  };
  for (const auto& [text, count] : counts) {
    std::vector<std::string> pieces;
    for (const char c : text) pieces.push_back(byte_symbol(static_cast<unsigned char>(c)));
    pieces.back() += "</w>";
    for (const auto& piece : pieces) token(piece);
    words.emplace_back(pieces, count);
  }
  BpeMerges merges;
  while (merges.size() < merge_count) {
    std::map<std::pair<int, int>, std::pair<std::int64_t, std::pair<std::string, std::string>>> pairs;
    for (const auto& [pieces, count] : words) {
      for (std::size_t i = 0; i + 1 < pieces.size(); ++i) {
        auto& entry = pairs[{order[pieces[i]], order[pieces[i + 1]]}];
        entry.first += count;
        entry.second = {pieces[i], pieces[i + 1]};
      }
    }
    std::int64_t best = 1;
    std::pair<std::string, std::string> pair;
    for (const auto& [key, entry] : pairs)
      if (entry.first > best) best = entry.first, pair = entry.second;
    if (best < 2) break;
    merges.push_back(pair.first + ' ' + pair.second);
    token(pair.first + pair.second);
    for (auto& [pieces, count] : words) {
      std::vector<std::string> next;
      for (std::size_t i = 0; i < pieces.size(); ++i) {
        const bool match = i + 1 < pieces.size() && pieces[i] == pair.first && pieces[i + 1] == pair.second;
        next.push_back(match ? pair.first + pair.second : pieces[i]);
        i += match;
      }
      pieces = next;
    }
  }
  return merges;
}

TEST(BpeTrainer, JoinsTheMostFrequentFirst) {
  EXPECT_THAT(train_bpe({{"hat", 3}, {"cat", 5}, {"cap", 2}}, 3),
              ElementsAre("a t</w>", "c at</w>", "h at</w>"));
}

TEST(BpeTrainer, EqualsTheDefinitionOnRandomWords) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    WordCounts counts;
    for (std::uint64_t i = 0; i < 150; ++i) {
      const std::uint64_t random = splitmix64(seed << 20 | i);
      std::string word;
      for (std::uint64_t k = 0; k < 1 + random % 7; ++k) word.push_back("abcd"[random >> (8 + 2 * k) & 3]);
      counts[word] = static_cast<std::int64_t>(1 + (random >> 40) % 9);
    }
    const BpeMerges merges = train_bpe(counts, 60);
    EXPECT_EQ(merges, train_naively(counts, 60)) << "seed " << seed;
    EXPECT_EQ(std::set<std::string>(merges.begin(), merges.end()).size(), merges.size());
  }
}

TEST(BpeTrainer, LearnedTokenizerKnowsItsWords) {
  WordCounts counts;
  for (const char* caption : {"a photo of a cat", "a drawing of a cat", "a photo of a dog on grass, café"})
    for (int i = 0; i < 2; ++i) count_words(caption, counts);
  EXPECT_EQ(counts.at("photo"), 4);
  EXPECT_EQ(counts.at(","), 2);
  const BpeTokenizer tokenizer(train_bpe(counts, 1000));
  EXPECT_EQ(tokenizer.encode("A photo of a CAT on grass").size(), 9u) << "one token for each of 7 words";
}

TEST(BpeTrainer, StopsWhenPairsAreRare) {
  EXPECT_THAT(train_bpe({{"ab", 1}, {"cd", 2}}, 10), ElementsAre("c d</w>"));
  EXPECT_TRUE(train_bpe({}, 10).empty());
  EXPECT_TRUE(train_bpe({{"ab", 9}}, 0).empty());
  EXPECT_THROW(train_bpe({{"ab", 9}}, -1), Error);
}

}  // namespace
}  // namespace san
