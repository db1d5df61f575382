#include "checkpoint/architecture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "checkpoint/formula.h"
#include "checkpoint/test_files.h"
#include "checkpoint/test_zip.h"

namespace san {
namespace {

FormulaSource source_of(const std::string& table, const std::string& without = "-") {
  std::vector<Declaration> parameters;
  for (const auto& row : test::read_tsv(test::data(table)))
    if (!row[0].starts_with(without)) parameters.push_back({row[0], test::parse_shape(row[1])});
  return FormulaSource(parameters, "", table);
}

TEST(Architecture, Tiny) {
  const Architecture a = infer_architecture(source_of("state_dict_tiny.tsv"));
  EXPECT_EQ(a.vision.width, 64);
  EXPECT_EQ(a.vision.blocks, 4);
  EXPECT_EQ(a.vision.heads, 1);
  EXPECT_EQ(a.vision.mlp_width, 256);
  EXPECT_EQ(a.feature_blocks, 2);
  EXPECT_EQ(a.patch, 16);
  EXPECT_EQ(a.grid, 4);
  EXPECT_EQ(a.embed_dim, 32);
  EXPECT_EQ(a.text.width, 32);
  EXPECT_EQ(a.text.blocks, 2);
  EXPECT_EQ(a.text.heads, 1);
  EXPECT_EQ(a.context, 77);
  EXPECT_EQ(a.vocabulary, 49408);
  ASSERT_TRUE(a.side.has_value());
  EXPECT_EQ(a.side->tower.width, 48);
  EXPECT_EQ(a.side->tower.blocks, 4);
  EXPECT_EQ(a.side->tower.mlp_width, 192);
  EXPECT_EQ(a.side->patch, 16);
  EXPECT_EQ(a.side->grid, 6);
  EXPECT_EQ(a.side->queries, 10);
  EXPECT_EQ(a.side->fusion_blocks, (std::vector<std::int64_t>{0, 2, 3}));
  EXPECT_EQ(a.side->embed_channels, 32);
  EXPECT_EQ(a.side->mlp_channels, 40);
  EXPECT_EQ(a.side->bias_channels, 128);
}

TEST(Architecture, VitL14) {
  const Architecture a = infer_architecture(source_of("state_dict_vitl14_336.tsv"));
  EXPECT_EQ(a.vision.width, 1024);
  EXPECT_EQ(a.vision.blocks, 24);
  EXPECT_EQ(a.vision.heads, 16);
  EXPECT_EQ(a.feature_blocks, 18);
  EXPECT_EQ(a.patch, 14);
  EXPECT_EQ(a.grid, 24);
  EXPECT_EQ(a.embed_dim, 768);
  EXPECT_EQ(a.text.heads, 12);
  EXPECT_EQ(a.side->tower.blocks, 8);
  EXPECT_EQ(a.side->grid, 40);
  EXPECT_EQ(a.side->bias_channels, 16 * 256);
}

TEST(Architecture, SideAdapterMayBeAbsent) {
  EXPECT_FALSE(
      infer_architecture(source_of("state_dict_tiny.tsv", "side_adapter_network.")).side.has_value());
}

TEST(Architecture, NamesWhatIsAbsentOrOdd) {
  EXPECT_THAT(
      test::error_of([] { infer_architecture(source_of("state_dict_tiny.tsv", "clip_rec_head.proj")); }),
      testing::HasSubstr("clip_rec_head.proj"));
  const FormulaSource flat({{"clip_visual_extractor.conv1.weight", {4, 12}}}, "", "flat");
  EXPECT_THAT(test::error_of([&] { infer_architecture(flat); }), testing::HasSubstr("4 dimensions"));
}

}  // namespace
}  // namespace san
