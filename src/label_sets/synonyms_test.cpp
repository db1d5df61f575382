#include "label_sets/synonyms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>

#include "base/error.h"
#include "san/label_sets.hpp"

namespace san {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

ClassName plain(const std::string& name) {
  return {name, {name}};
}

std::vector<ClassName> plain(const std::vector<std::string>& names) {
  std::vector<ClassName> classes;
  for (const std::string& name : names) classes.push_back(plain(name));
  return classes;
}

TEST(SpellingKey, IsWhatSpellingsShare) {
  EXPECT_EQ(spelling_key("Hot-Air  Balloons"), spelling_key("hot air balloon"));
  EXPECT_EQ(spelling_key("boxes"), spelling_key("box"));
  EXPECT_EQ(spelling_key("cherries"), spelling_key("cherry"));
  EXPECT_EQ(spelling_key("glasses"), spelling_key("glass"));
  EXPECT_NE(spelling_key("glass"), spelling_key("gla"));
  EXPECT_NE(spelling_key("pie"), spelling_key("py"));
}

/// Of a label set, or the demo world's.
std::vector<std::string> classes_of(const std::string& set) {
  if (set != "demo-world") return label_set(set).classes;
  std::ifstream file(SAN_SOURCE_DIR "/configs/world/demo.tsv");
  std::vector<std::string> classes;
  for (std::string line; std::getline(file, line);) classes.push_back(line.substr(0, line.find('\t')));
  return classes;
}

std::vector<std::string> sets() {
  std::vector<std::string> all = shipped_label_sets();
  all.emplace_back("demo-world");
  return all;
}

class ListOf : public ::testing::TestWithParam<std::string> {};

TEST_P(ListOf, NamesEachClassByWhatNoOtherIsCalled) {
  const auto lists = synonym_lists();
  const auto list = std::ranges::find(lists, GetParam(), &SynonymList::set);
  ASSERT_NE(list, lists.end());
  const std::vector<std::string> classes = classes_of(GetParam());
  std::map<std::string, std::set<std::string>> called;  // spelling → classes that it names
  for (const std::string& name : classes) {
    std::string part;
    for (const char c : name + ",")
      if (c == ',')
        called[spelling_key(part)].insert(name), part.clear();
      else
        part += c;
    called[spelling_key(name)].insert(name);
  }
  std::set<std::string> seen, all;
  for (const auto& [name, others] : list->classes) {
    EXPECT_NE(std::ranges::find(classes, name), classes.end()) << name << " is no class of the set";
    EXPECT_TRUE(seen.insert(name).second) << name << " stands there twice";
    EXPECT_FALSE(others.empty()) << name;
    for (const std::string& other : others) {
      EXPECT_FALSE(other.empty() || other.front() == ' ' || other.back() == ' ') << name;
      EXPECT_NE(other, name);
      EXPECT_TRUE(all.insert(spelling_key(other)).second) << other << " stands there twice";
      called[spelling_key(other)].insert(name);
      EXPECT_THAT(called[spelling_key(other)], ElementsAre(name)) << other << " names another class too";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Synonyms, ListOf, ::testing::ValuesIn(sets()), [](const auto& tested) {
  std::string name = tested.param;
  std::ranges::replace(name, '-', '_');
  return name;
});

TEST(Synonyms, GiveEveryClassOfASetItsOwnNames) {
  const LabelSet set = label_set("voc-20");
  const std::vector<ClassName> classes = with_synonyms(plain(set.classes), "voc-20");
  ASSERT_EQ(classes.size(), 20u);
  EXPECT_EQ(classes[0].label, "aeroplane");
  EXPECT_THAT(classes[0].names, ElementsAre("aeroplane", "airplane", "plane", "aircraft"));
  EXPECT_THAT(classes[7].names, ElementsAre("cat")) << "nothing helps";
}

TEST(Synonyms, NeverNameAnotherClass) {
  const std::vector<ClassName> classes = with_synonyms(plain({"Sofa", "Couches", "tv"}), "voc-20");
  EXPECT_THAT(classes[0].names, ElementsAre("Sofa", "settee"));
  EXPECT_THAT(classes[1].names, ElementsAre("Couches"));
  EXPECT_THAT(classes[2].names, ElementsAre("tv", "television", "television set", "computer monitor"));
}

TEST(Synonyms, LeaveNamesThatWereChosenAlone) {
  const std::vector<ClassName> given{{"sofa", {"sofa", "divan"}}};
  EXPECT_THAT(with_synonyms(given, "voc-20")[0].names, ElementsAre("sofa", "divan"));
}

TEST(Synonyms, AreOfKnownSets) {
  EXPECT_THAT(
      [] { with_synonyms({}, "ade150"); },
      ::testing::ThrowsMessage<Error>(HasSubstr("ade20k-150, ade20k-847, coco-stuff-171, demo-world")));
}

}  // namespace
}  // namespace san
