#include "san/label_sets.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/error.h"

namespace san {
namespace {

TEST(LabelSets, AreCompleteAndWithoutDuplicates) {
  for (const std::string& name : shipped_label_sets()) {
    const LabelSet set = label_set(name);
    const auto count = static_cast<std::size_t>(std::stoi(name.substr(name.rfind('-') + 1)));
    EXPECT_EQ(set.classes.size(), count) << name;
    EXPECT_EQ(std::set<std::string>(set.classes.begin(), set.classes.end()).size(), count) << name;
    EXPECT_EQ(std::set<std::int64_t>(set.dataset_ids.begin(), set.dataset_ids.end()).size(), count) << name;
    EXPECT_TRUE(set.palette.empty() || set.palette.size() == count) << name;
    EXPECT_TRUE(set.is_thing.empty() || set.is_thing.size() == count) << name;
  }
  EXPECT_EQ(shipped_label_sets().size(), 6u);
}

TEST(LabelSets, HoldTheDatasetsFacts) {
  const LabelSet coco = label_set("coco-stuff-171");
  EXPECT_EQ(coco.classes[80], "banner");
  EXPECT_EQ(coco.dataset_ids[80], 92);
  EXPECT_EQ(std::count(coco.is_thing.begin(), coco.is_thing.end(), true), 80);
  const LabelSet full = label_set("ade20k-847");
  EXPECT_EQ(full.classes[1], "building, edifice");
  EXPECT_EQ(full.dataset_ids[1], 312);
  EXPECT_TRUE(full.palette.empty());
  EXPECT_EQ(label_set("ade20k-150").classes[8], "window") << "detectron2's trailing blank is not fed to CLIP";
  const LabelSet voc = label_set("voc-20");
  EXPECT_EQ(voc.palette[0], (std::array<std::uint8_t, 3>{128, 0, 0}));
  EXPECT_EQ(label_set("pascal-context-59").dataset_ids[1], 9);
}

TEST(LabelSets, UnknownNameListsThoseThereAre) {
  EXPECT_THAT([] { label_set("ade150"); },
              testing::ThrowsMessage<Error>(testing::HasSubstr("ade20k-150, ade20k-847, coco-stuff-171")));
}

}  // namespace
}  // namespace san
