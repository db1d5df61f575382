#include "engine/distractors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace san {
namespace {

DistractorName find(std::string_view where, const std::string& name) {
  for (DistractorName& d : distractor_names(where))
    if (d.name == name) return d;
  ADD_FAILURE() << name << " is not in the list";
  return {};
}

TEST(Distractors, ListsAreThere) {
  EXPECT_EQ(distractor_names("drawn").size(), 265u);  // 251 concepts and 14 grounds of the demo world
  EXPECT_GT(distractor_names("photographed").size(), 150u);
  EXPECT_THAT(find("drawn", "cat").kinds, testing::Contains("animal"));
}

TEST(Distractors, AreNoNamesOrKindsOfAClass) {
  EXPECT_TRUE(names_related("cat", find("drawn", "cat")));
  EXPECT_TRUE(names_related("Cats", find("drawn", "cat")));
  EXPECT_TRUE(names_related("animal", find("drawn", "cat")));
  EXPECT_TRUE(names_related("animals", find("photographed", "zebra")));
  EXPECT_TRUE(names_related("vehicle", find("photographed", "bus")));
  EXPECT_TRUE(names_related("food", find("photographed", "pizza")));
  EXPECT_TRUE(names_related("wall", find("drawn", "brick wall")));
  EXPECT_TRUE(names_related("sky", find("drawn", "night sky")));
  EXPECT_FALSE(names_related("cat", find("drawn", "dog")));
  EXPECT_FALSE(names_related("car", find("drawn", "carrot")));
}

}  // namespace
}  // namespace san
