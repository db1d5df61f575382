#include "text/bpe_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/error.h"
#include "base/test_error.h"
#include "text/clip_bpe_for_tests.h"

namespace san {
namespace {

using testing::ElementsAre;

// "low" and "lower" style merges: l o, lo w</w>, e r</w>.
BpeTokenizer tiny_tokenizer(int context = kClipContextLength) {
  return BpeTokenizer({"l o", "lo w</w>", "e r</w>", "lo w"}, context);
}

TEST(BpeTokenizer, EveryRecordedTextIsExact) {
  const auto path = clip_bpe_path();
  if (path.empty()) GTEST_SKIP() << kClipBpeMissing;
  const BpeTokenizer tokenizer(load_bpe_merges(path));
  EXPECT_EQ(tokenizer.vocabulary_size(), 49408);
  std::ifstream file(SAN_SOURCE_DIR "/tests/data/text/tokenizer.jsonl");
  int count = 0;
  for (std::string line; std::getline(file, line); ++count) {
    const auto record = nlohmann::json::parse(line);
    const auto text = record["text"].get<std::string>();
    EXPECT_EQ(tokenizer.encode(text), record["ids"].get<std::vector<int>>()) << text;
  }
  EXPECT_EQ(count, 1773);
}

TEST(BpeTokenizer, NumbersTokensAsClipDoes) {
  const BpeTokenizer tokenizer = tiny_tokenizer();
  EXPECT_EQ(tokenizer.vocabulary_size(), 512 + 4 + 2);
  EXPECT_EQ(tokenizer.start_token(), 516);
  // '!' is the first printable byte; a blank and a newline come after all printable ones.
  EXPECT_THAT(tokenizer.encode("!"), ElementsAre(516, 256, 517));
  EXPECT_THAT(tokenizer.encode("LOW lower"), ElementsAre(516, 513, 515, 514, 517));
  EXPECT_THAT(tokenizer.encode(""), ElementsAre(516, 517));
}

TEST(BpeTokenizer, MergesByRankAndFromTheLeft) {
  const BpeTokenizer tokenizer({"a a", "aa a</w>", "b a"});
  const int a = 'a' - '!', b = 'b' - '!';
  EXPECT_THAT(tokenizer.encode("aaa"), ElementsAre(515, 513, 516));
  EXPECT_THAT(tokenizer.encode("aaaa"), ElementsAre(515, 512, a, 256 + a, 516));
  EXPECT_THAT(tokenizer.encode("baab"), ElementsAre(515, b, 512, 256 + b, 516));
}

TEST(BpeTokenizer, OfTextIsTheSame) {
  const BpeMerges merges{"l o", "lo w</w>", "e r</w>", "lo w"};
  const BpeTokenizer now(merges, 9);
  // As a model file has them, and as somebody else may have written them.
  for (const std::string& text : {format_bpe_merges(merges), "#version: 0.2\n" + format_bpe_merges(merges),
                                  std::string("l o\r\nlo w</w>\r\ne r</w>\r\nlo w")}) {
    BpeTokenizer late = BpeTokenizer::of_text(text, "here", 9);
    EXPECT_EQ(late.content_hash(), now.content_hash());
    EXPECT_EQ(late.vocabulary_size(), now.vocabulary_size());
    EXPECT_EQ(late.context_length(), 9);
    const BpeTokenizer moved = std::move(late);
    std::vector<int> other;
    std::thread beside([&] { other = moved.encode("low lower"); });
    EXPECT_EQ(moved.encode("low lower"), now.encode("low lower"));
    beside.join();
    EXPECT_EQ(other, now.encode("low lower"));
    EXPECT_EQ(moved.merges(), merges);
  }
}

TEST(BpeTokenizer, OfTextLooksAtItsMergesWhenTheyAreNeeded) {
  const BpeTokenizer tokenizer = BpeTokenizer::of_text("l o\nx y\nxy z\nlow x\n", "here", 9);
  EXPECT_EQ(tokenizer.vocabulary_size(), 512 + 4 + 2);
  for (int i = 0; i < 2; ++i)
    EXPECT_THAT(test::error_of([&] { (void)tokenizer.encode("low"); }),
                testing::HasSubstr("here: tokenizer: merge 4 ('low x')"));
  // What is no list of merges is told at once.
  for (const char* text : {"", "l o\n\nx y\n", "l o m\n", "{}", "l o\nlow\n", "low x", "\x1b[31m\x07 b\n"})
    EXPECT_THAT(test::error_of([&] { BpeTokenizer::of_text(text, "here", 9); }), testing::HasSubstr("here: "))
        << text;
  EXPECT_THAT(test::error_of([] { BpeTokenizer::of_text("l o\n", "here", 1); }),
              testing::HasSubstr("context of 1 tokens"));
}

TEST(BpeTokenizer, CutsLongTextsAtTheContextKeepingTheEnd) {
  const BpeTokenizer tokenizer = tiny_tokenizer(4);
  EXPECT_THAT(tokenizer.encode("low low"), ElementsAre(516, 513, 513, 517));
  EXPECT_THAT(tokenizer.encode("low low low"), ElementsAre(516, 513, 513, 517));
  EXPECT_EQ(tokenizer.encode_uncut("low low low").size(), 5u);
  EXPECT_THROW(BpeTokenizer({"l o"}, 1), Error);
}

TEST(BpeTokenizer, SpelledEndTokenEndsTheText) {
  EXPECT_THAT(tiny_tokenizer().encode("low <end_of_text> low"), ElementsAre(516, 513, 517));
}

TEST(BpeTokenizer, RefusesMergesOfUnknownPiecesAndTextsThatAreNotUtf8) {
  EXPECT_THROW(BpeTokenizer({"lo w"}), Error);
  EXPECT_THROW(BpeTokenizer({"low"}), Error);
  EXPECT_THROW(tiny_tokenizer().encode("caf\xe9"), Error);
  EXPECT_THROW(tiny_tokenizer().encode("\xed\xa0\x80"), Error);
  EXPECT_THROW(tiny_tokenizer().encode("\xc0\xaf"), Error);
}

TEST(BpeTokenizer, ContentHashFollowsMergesAndContext) {
  EXPECT_EQ(tiny_tokenizer().content_hash(), tiny_tokenizer().content_hash());
  EXPECT_NE(tiny_tokenizer().content_hash(), tiny_tokenizer(12).content_hash());
  EXPECT_NE(tiny_tokenizer().content_hash(), BpeTokenizer({"l o"}).content_hash());
}

TEST(BpeTokenizer, OneLongWordIsNotQuadratic) {
  // A quadratic merge over a megabyte would take hours, beyond the test's time limit. The word is 124,999
  // eights, then 4 + 2 + 1 letters, then the one that ends it.
  const BpeTokenizer tokenizer({"a a", "aa aa", "aaaa aaaa"});
  EXPECT_EQ(tokenizer.encode_uncut(std::string(1'000'000, 'a')).size(), 2u + 124'999 + 4);
}

TEST(BpeTokenizer, ThreadsShareIt) {
  const BpeTokenizer tokenizer = tiny_tokenizer();
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) wrong += tokenizer.encode("low w" + std::to_string(i % 10)).size() != 5;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(SplitWords, FollowsClipsPattern) {
  EXPECT_THAT(split_words("I'VE 42 dogs, they'll   bark!!"),
              ElementsAre("i", "'ve", "4", "2", "dogs", ",", "they", "'ll", "bark", "!!"));
  EXPECT_THAT(split_words("rock'n'roll"), ElementsAre("rock", "'", "n", "'", "roll"));
  EXPECT_THAT(split_words("\t\n "), ElementsAre());
  EXPECT_THAT(split_words("it'\u017f ж\u0345+\u0345"), ElementsAre("it", "'\u017f", "ж", "+"))
      << "the pattern is caseless: the long s is an s, the iota below neither letter nor mark";
}

}  // namespace
}  // namespace san
