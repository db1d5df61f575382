#include "text/vocabulary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <limits>
#include <set>
#include <span>

#include "base/error.h"
#include "base/hash.h"
#include "base/test_error.h"

namespace san {
namespace {

using test::error_of;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr int kDim = 8;

/// A stand-in text tower: a random unit vector per token sequence.
std::vector<float> embedding_of(const std::vector<int>& tokens) {
  std::uint64_t state = 1;
  for (const int token : tokens) state = splitmix64(state ^ static_cast<std::uint64_t>(token));
  std::vector<float> row;
  double square = 0;
  for (int d = 0; d < kDim; ++d) {
    row.push_back(static_cast<float>(splitmix64(state + static_cast<std::uint64_t>(d)) >> 40) / 16777216.f -
                  0.4f);
    square += row.back() * row.back();
  }
  for (float& value : row) value /= static_cast<float>(std::sqrt(square));
  return row;
}

struct Tower {
  std::vector<std::size_t> batches;
  std::vector<std::vector<int>> seen;  // in the order in which they came
  EncodePrompts function() {
    return [this](const std::vector<std::vector<int>>& prompts) {
      batches.push_back(prompts.size());
      std::vector<float> rows;
      for (const auto& tokens : prompts) {
        seen.push_back(tokens);
        const auto row = embedding_of(tokens);
        rows.insert(rows.end(), row.begin(), row.end());
      }
      return rows;
    };
  }
  std::size_t prompts() const {
    std::size_t sum = 0;
    for (const std::size_t count : batches) sum += count;
    return sum;
  }
};

const BpeTokenizer& tokenizer() {
  static const BpeTokenizer instance({"c a", "ca t</w>"}, 20);
  return instance;
}

PromptTemplates templates() {
  return make_templates("test", {"a {}.", "the {} here", "{}"});
}
EncodeOptions quiet() {
  return {.batch_tokens = 30, .quiet = true, .cancelled = nullptr, .cache = nullptr, .model_hash = "m"};
}

std::vector<float> expected_row(const std::string& name) {
  std::vector<double> sum(kDim);
  for (std::size_t t = 0; t < 3; ++t) {
    const auto row = embedding_of(tokenizer().encode(templates().fill(t, name)));
    for (std::size_t d = 0; d < kDim; ++d) sum[d] += row[d];
  }
  double square = 0;
  for (const double value : sum) square += value * value;
  std::vector<float> result;
  for (const double value : sum) result.push_back(static_cast<float>(value / std::sqrt(square)));
  return result;
}

TEST(VocabularyEncoder, RowsAreNormalisedMeansGroupedByClass) {
  Tower tower;
  const VocabularyEncoder encoder(tokenizer(), templates(), tower.function(), kDim);
  const auto classes = parse_class_list("cat, couch|sofa, sky");
  const TextEmbeddings text = encoder.encode(classes, quiet());
  EXPECT_THAT(text.classes, ElementsAre("cat", "couch", "sky"));
  EXPECT_THAT(text.first_row, ElementsAre(0, 1, 3, 4));
  EXPECT_THAT(text.row_classes(), ElementsAre(0, 1, 1, 2));
  ASSERT_EQ(text.rows.size(), 4u * kDim);
  const char* names[] = {"cat", "couch", "sofa", "sky"};
  for (std::size_t r = 0; r < 4; ++r) {
    const auto expected = expected_row(names[r]);
    // Same sums in double; only their order differs.
    for (std::size_t d = 0; d < kDim; ++d)
      EXPECT_NEAR(text.rows[r * kDim + d], expected[d], 1e-6f) << names[r];
  }
  EXPECT_EQ(tower.prompts(), 12u);
}

// Distinct beginnings among `prompts`: what a tower that shares them computes.
std::size_t distinct_tokens(std::span<const std::vector<int>> prompts) {
  std::set<std::vector<int>> beginnings;
  for (const auto& prompt : prompts)
    for (std::size_t length = 1; length <= prompt.size(); ++length)
      beginnings.emplace(prompt.begin(), prompt.begin() + static_cast<std::ptrdiff_t>(length));
  return beginnings.size();
}

TEST(VocabularyEncoder, BatchesPromptsThatBeginAlikeWithinABudgetOfTokens) {
  for (const int budget : {1, 12, 30, 1000}) {
    Tower tower;
    const VocabularyEncoder encoder(tokenizer(), templates(), tower.function(), kDim);
    EncodeOptions options = quiet();
    options.batch_tokens = budget;
    encoder.encode(parse_class_list("cat, dog, abcdefg, \xc3\xa9t\xc3\xa9, a"), options);
    EXPECT_EQ(tower.prompts(), 15u);
    EXPECT_TRUE(std::ranges::is_sorted(tower.seen));
    std::size_t begin = 0;
    for (const std::size_t count : tower.batches) {
      ASSERT_GE(count, 1u);
      const auto batch = std::span(tower.seen).subspan(begin, count);
      begin += count;
      // A prompt that is longer than the budget goes alone.
      if (count > 1) {
        EXPECT_LE(distinct_tokens(batch), static_cast<std::size_t>(budget));
      }
      if (begin < tower.seen.size()) {
        EXPECT_GT(distinct_tokens(std::span(tower.seen).subspan(begin - count, count + 1)),
                  static_cast<std::size_t>(budget))
            << "the next prompt would have fitted";
      }
    }
    EXPECT_EQ(tower.batches.size() == 1, budget == 1000);
  }
}

TEST(VocabularyEncoder, ARowDoesNotDependOnTheOtherNames) {
  Tower tower;
  const VocabularyEncoder encoder(tokenizer(), templates(), tower.function(), kDim);
  const TextEmbeddings alone = encoder.encode(parse_class_list("sky"), quiet());
  const TextEmbeddings among = encoder.encode(parse_class_list("a, bcd, sky, cat"), quiet());
  EXPECT_EQ(alone.rows, std::vector<float>(among.rows.begin() + 2 * kDim, among.rows.begin() + 3 * kDim));
}

TEST(VocabularyEncoder, AsksTheCacheFirst) {
  const auto directory =
      std::filesystem::path(testing::TempDir()) / fmt::format("san_vocabulary_{}", getpid());
  EmbeddingCache cache(directory);
  Tower tower;
  const VocabularyEncoder encoder(tokenizer(), templates(), tower.function(), kDim);
  EncodeOptions options = quiet();
  options.cache = &cache;
  const TextEmbeddings first = encoder.encode(parse_class_list("cat, sky"), options);
  EXPECT_EQ(tower.prompts(), 6u);
  const TextEmbeddings second = encoder.encode(parse_class_list("sky, dog, cat"), options);
  EXPECT_EQ(tower.prompts(), 9u) << "only dog is new";
  EXPECT_EQ(std::vector<float>(second.rows.begin(), second.rows.begin() + kDim),
            std::vector<float>(first.rows.begin() + kDim, first.rows.end()));
  options.model_hash = "another";
  encoder.encode(parse_class_list("cat"), options);
  EXPECT_EQ(tower.prompts(), 12u);
  options.model_hash.clear();
  EXPECT_THROW(encoder.encode(parse_class_list("cat"), options), Error);
  std::filesystem::remove_all(directory);
}

TEST(VocabularyEncoder, SaysWhatIsWrong) {
  Tower tower;
  const auto encode = [&](const char* list, EncodePrompts function, EncodeOptions options) {
    return error_of([&] {
      VocabularyEncoder(tokenizer(), templates(), function, kDim).encode(parse_class_list(list), options);
    });
  };
  EXPECT_THAT(encode("cat, abcdefghijklmnop", tower.function(), quiet()),
              HasSubstr("'abcdefghijklmnop' is too long"));
  EXPECT_EQ(tower.prompts(), 0u) << "lengths are checked before any work";
  std::atomic<bool> cancelled = true;
  EncodeOptions options = quiet();
  options.cancelled = &cancelled;
  EXPECT_THAT(encode("cat", tower.function(), options), HasSubstr("cancelled"));
  const auto constant = [](std::size_t per_prompt, float value) -> EncodePrompts {
    return [=](const std::vector<std::vector<int>>& prompts) {
      return std::vector<float>(prompts.size() * per_prompt, value);
    };
  };
  EXPECT_THAT(encode("cat", constant(kDim - 1, 1), quiet()), HasSubstr("expected 8 each"));
  EXPECT_THAT(encode("cat", constant(kDim, 0), quiet()), HasSubstr("length 0"));
  EXPECT_THAT(encode("cat", constant(kDim, std::numeric_limits<float>::quiet_NaN()), quiet()),
              HasSubstr("damaged"));
  EXPECT_THROW(VocabularyEncoder(tokenizer(), {"none", {}}, tower.function(), kDim), Error);
}

}  // namespace
}  // namespace san
