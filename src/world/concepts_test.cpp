#include "world/concepts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/test_error.h"
#include "world/caption.h"

namespace san {
namespace {

using testing::HasSubstr;

const std::string kHeader = "name\tgroup\tsplit\tarticle\tplural\temoji\tfxemoji\tsynonyms\tkeywords\n";

std::string error_of(const std::string& text) {
  return test::error_of([&] { parse_concepts(text, "list.tsv"); });
}

TEST(Concepts, ReadsARow) {
  const auto list = parse_concepts(
      kHeader + "cat\tmammal\tunseen-val\ta\tcats\t1f431 1f408\tcat catside\tkitten\tpet, animal\n", "x");
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0].name, "cat");
  EXPECT_FALSE(list[0].seen);
  EXPECT_EQ(list[0].with_article(), "a cat");
  EXPECT_EQ(list[0].emoji, (std::vector<std::string>{"1f431", "1f408"}));
  EXPECT_EQ(list[0].keywords, (std::vector<std::string>{"pet", "animal"}));
}

TEST(Concepts, SaysWhatIsWrongAndWhere) {
  EXPECT_THAT(error_of(""), HasSubstr("no concept"));
  EXPECT_THAT(error_of("name\tgroup\n"), HasSubstr("list.tsv:1"));
  EXPECT_THAT(error_of(kHeader + "cat\tmammal\tseen\n"), HasSubstr("expected 9"));
  EXPECT_THAT(error_of(kHeader + "cat\tm\tsometimes\ta\tcats\t\t\t\t\n"), HasSubstr("sometimes"));
  EXPECT_THAT(error_of(kHeader + "cat\tm\tseen\ta\tcats\t\t\t\t\ncat\tm\tseen\ta\tcats\t\t\t\t\n"),
              HasSubstr("twice"));
}

TEST(Concepts, TheMeasuredListIsPartOfTheTrainedOne) {
  const auto demo = load_concepts(SAN_SOURCE_DIR "/configs/world/demo.tsv");
  const auto measured = load_concepts(SAN_SOURCE_DIR "/configs/world/measured.tsv");
  for (const auto& c : measured)
    EXPECT_TRUE(std::ranges::any_of(demo, [&](const Concept& d) {
      return d.name == c.name && d.seen == c.seen && d.emoji == c.emoji;
    })) << c.name;
}

TEST(Concepts, TheMeasuredListKeepsItsPromises) {
  const auto demo = load_concepts(SAN_SOURCE_DIR "/configs/world/measured.tsv");
  const auto all = load_concepts(SAN_SOURCE_DIR "/configs/world/concepts.tsv");
  EXPECT_GE(demo.size(), 200u);
  EXPECT_GE(std::count_if(demo.begin(), demo.end(), [](const Concept& c) { return !c.seen; }), 40);
  std::set<std::string> unseen, known;
  for (const auto& c : all) known.insert(c.name);
  for (const auto& c : demo) {
    EXPECT_TRUE(known.contains(c.name)) << c.name;
    EXPECT_FALSE(c.emoji.empty()) << c.name;
    if (!c.seen) unseen.insert(c.name);
    if (c.article == "a" || c.article == "an") {
      EXPECT_EQ(c.article, indefinite_article(c.name)) << c.name;
      EXPECT_FALSE(c.plural.empty()) << c.name;
    }
  }
  for (const char* name : {"cat", "pizza", "rocket"}) EXPECT_TRUE(unseen.contains(name)) << name;
}

TEST(Captions, CountAndListInEnglish) {
  const auto list =
      parse_concepts(kHeader + "fox\tm\tseen\ta\tfoxes\t\t\t\t\n" + "grapes\tf\tseen\tsome\t\t\t\t\t\n" +
                         "eagle\tb\tseen\tan\teagles\t\t\t\t\n",
                     "x");
  bool found = false;
  for (std::uint64_t i = 0; i < 50; ++i) {
    Rng rng(i);
    const std::string caption = caption_scene(list, {0, 1, 0, 2, 1}, {5, 2}, rng);
    EXPECT_THAT(caption, HasSubstr("two foxes, some grapes and an eagle"));
    found |= caption.ends_with("on the grass in front of a brick wall");
  }
  EXPECT_TRUE(found);
}

TEST(Captions, KnowTheirArticles) {
  EXPECT_EQ(indefinite_article("apple"), "an");
  EXPECT_EQ(indefinite_article("unicorn"), "a");
  EXPECT_EQ(indefinite_article("umbrella"), "an");
  EXPECT_EQ(indefinite_article("hourglass"), "an");
  EXPECT_EQ(indefinite_article("house"), "a");
  EXPECT_EQ(indefinite_article("ufo"), "a");
}

}  // namespace
}  // namespace san
