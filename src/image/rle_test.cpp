#include <gtest/gtest.h>

#include <random>
#include <utility>

#include "base/error.h"
#include "san/masks.hpp"

namespace san {
namespace {

using Counts = std::vector<std::uint32_t>;

TEST(Rle, RunsGoDownTheColumns) {
  // 0 1 1
  // 0 1 0
  const std::vector<std::uint8_t> mask{0, 1, 1, 0, 1, 0};
  const Rle rle = encode_rle(mask, 2, 3);
  EXPECT_EQ(rle.counts, (Counts{2, 3, 1}));
  EXPECT_EQ(rle.area(), 3);
  EXPECT_EQ(decode_rle(rle), mask);
}

TEST(Rle, StartsWithZerosEvenIfThereAreNone) {
  EXPECT_EQ(encode_rle(std::vector<std::uint8_t>{7, 7, 0, 7}, 2, 2).counts, (Counts{0, 1, 1, 2}));
  EXPECT_EQ(encode_rle(std::vector<std::uint8_t>{1, 1}, 1, 2).counts, (Counts{0, 2}));
  EXPECT_EQ(encode_rle(std::vector<std::uint8_t>{0, 0}, 1, 2).counts, (Counts{2}));
}

TEST(Rle, MasksWithoutPixelsHaveNoRuns) {
  for (const auto& [height, width] : {std::pair{0, 127}, {5, 0}, {0, 0}}) {
    const Rle rle = encode_rle(std::vector<std::uint8_t>{}, height, width);
    EXPECT_EQ(rle.area(), 0);
    EXPECT_TRUE(decode_rle(rle).empty()) << height << "x" << width;
  }
}

TEST(Rle, StringsAsPycocotoolsWritesThem) {
  // 2 3 1: the characters 48 + value. 16 needs a second group, as bit 4 of the last group is the sign:
  // 48+(16|32), 48+0.
  EXPECT_EQ(rle_counts_to_string(Counts{2, 3, 1}), "231");
  EXPECT_EQ(rle_counts_to_string(Counts{16}), "`0");
  // The fourth number is stored as 1 − 3 = −2: group 30, sign bit set, no more: 48 + 30 = 'N'.
  EXPECT_EQ(rle_counts_to_string(Counts{2, 3, 1, 1}), "231N");
  // 1000 = 31·32 + 8: groups 8, 31 with its sign bit set, so a third group 0 follows: 'X' 'o' '0'.
  EXPECT_EQ(rle_counts_to_string(Counts{1000}), "Xo0");
  for (const Counts& counts :
       {Counts{2, 3, 1}, {16}, {2, 3, 1, 1}, {1000}, {0, 4294967295u, 7, 1, 4294967295u}})
    EXPECT_EQ(rle_counts_from_string(rle_counts_to_string(counts)), counts);
}

TEST(Rle, LabelsInOnePassEqualLabelsOneByOne) {
  std::mt19937 random(3);
  LabelMap map(13, 17);
  for (auto& label : map.labels) label = static_cast<Label>(random() % 5 < 3 ? 2 : random() % 4);
  const auto all = encode_rles(map);
  EXPECT_EQ(all.size(), 4u);
  for (const auto& [label, rle] : all) {
    EXPECT_EQ(rle, encode_rle(map, label));
    const auto mask = decode_rle(rle);
    for (std::size_t i = 0; i < mask.size(); ++i) ASSERT_EQ(mask[i], map.labels[i] == label);
    EXPECT_EQ(encode_rle(mask, 13, 17), rle);
  }
}

TEST(Rle, PaintsWhatItDecodes) {
  std::mt19937 random(5);
  LabelMap map(11, 7);
  for (auto& label : map.labels) label = static_cast<Label>(random() % 3);
  LabelMap painted(11, 7);
  for (const auto& [label, rle] : encode_rles(map)) paint_rle(rle, label, painted);
  EXPECT_EQ(painted.labels, map.labels);
  LabelMap other(7, 11);
  EXPECT_THROW(paint_rle(encode_rle(map, 1), 1, other), Error);
  EXPECT_THROW(paint_rle({11, 7, {76}}, 1, painted), Error);
}

TEST(Rle, RefusesNonsense) {
  EXPECT_THROW(encode_rle(std::vector<std::uint8_t>(5), 2, 3), Error);
  EXPECT_THROW(decode_rle({2, 3, {2, 3}}), Error);
  EXPECT_THROW(decode_rle({2, 3, {4294967295u, 7}}), Error);
  EXPECT_THROW(decode_rle({-2, -3, {6}}), Error);
  EXPECT_THROW(rle_counts_from_string("2 1"), Error);
  EXPECT_THROW(rle_counts_from_string("`"), Error);
  EXPECT_THROW(rle_counts_from_string("N"), Error);
  EXPECT_THROW(rle_counts_from_string("oooooooooooo0"), Error);
}

}  // namespace
}  // namespace san
