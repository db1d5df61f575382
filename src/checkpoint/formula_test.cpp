#include "checkpoint/formula.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "base/error.h"
#include "base/hash.h"
#include "checkpoint/test_files.h"

namespace san {
namespace {

// Every parameter's (m, s) and checksum, as the PyTorch side computed them.
void check_table(const std::filesystem::path& path) {
  const auto rows = test::read_tsv(path);
  ASSERT_GT(rows.size(), 100u);
  std::vector<Declaration> parameters;
  for (const auto& row : rows) parameters.push_back({row[0], test::parse_shape(row[1])});
  const FormulaSource source(parameters, "", "formula");
  for (const auto& row : rows) {
    const auto [m, s] = formula_range(row[0], source.shape(row[0]));
    EXPECT_EQ(m, std::stof(row[2])) << row[0];
    EXPECT_EQ(s, std::stof(row[3])) << row[0];
    const HostArray values = source.load(row[0]);
    std::uint64_t sum = 0, i = 0;
    for (const float value : values.f32()) sum += std::bit_cast<std::uint32_t>(value) * (2 * i++ + 1);
    EXPECT_EQ(sum, std::stoull(row[4], nullptr, 16)) << row[0];
  }
}

TEST(Formula, TinyTable) {
  check_table(test::data("weights_checksum_tiny.tsv"));
}

TEST(Formula, VitBTable) {
  const auto path = test::golden("weights_checksum_vitb16.tsv");
  SAN_REQUIRE_GOLDEN(path);
  check_table(path);
}

TEST(Formula, VitLTable) {
  const auto path = test::golden("weights_checksum_vitl14_336.tsv");
  SAN_REQUIRE_GOLDEN(path);
  check_table(path);
}

TEST(Formula, WorkedValues) {
  const struct {
    const char *seed, *name;
    Shape shape;
    std::size_t index;
    std::uint64_t hash;
    std::uint32_t bits;
  } cases[] = {
      {"", "clip_visual_extractor.conv1.weight", {768, 3, 16, 16}, 0, 0x296899853181ce12, 0x3d4af1aa},
      {"",
       "side_adapter_network.mask_decoder.pix_mlp.layers.2.weight",
       {256, 256, 1, 1},
       65535,
       0x214db72b82c4e9b5,
       0xbc892de9},
      {"",
       "side_adapter_network.mask_decoder.pix_mlp.layers.2.bias",
       {256},
       7,
       0x9be1b44ef3f06390,
       0xbe4fe894},
      {"h1:",
       "side_adapter_network.vit_model.blocks.0.norm1.weight",
       {48},
       5,
       0x506b8dc765473878,
       0x3f76269f},
      {"", "ov_classifier.token_embedding.weight", {49408, 512}, 25296895, 0xae04cb8f95e4cb19, 0xbfd6ab6c},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(fnv1a64(std::string(c.seed) + c.name), c.hash) << c.name;
    const FormulaSource source({{c.name, c.shape}}, c.seed, "formula");
    EXPECT_EQ(std::bit_cast<std::uint32_t>(source.load(c.name).f32()[c.index]), c.bits) << c.name;
  }
}

TEST(Formula, UniformNumbers) {
  const auto x = formula_uniform("rand:0", 2);
  EXPECT_EQ(std::bit_cast<std::uint32_t>(x[0]), 0x3e79afbcu);
  EXPECT_EQ(std::bit_cast<std::uint32_t>(x[1]), 0x3da119e8u);
}

TEST(Formula, Buffers) {
  const FormulaSource source({{"criterion.empty_weight", {6}}, {"ov_classifier.attn_mask", {3, 3}}}, "",
                             "formula");
  const HostArray weight = source.load("criterion.empty_weight"),
                  mask = source.load("ov_classifier.attn_mask");
  EXPECT_EQ(std::vector<float>(weight.f32().begin(), weight.f32().end()),
            (std::vector<float>{1, 1, 1, 1, 1, 0.1f}));
  const float inf = -INFINITY;
  EXPECT_EQ(std::vector<float>(mask.f32().begin(), mask.f32().end()),
            (std::vector<float>{0, inf, inf, 0, 0, inf, 0, 0, 0}));
}

TEST(Formula, RefusesUnknownNames) {
  const FormulaSource source({{"a.weight", {2, 2}}, {"a.scalar", {}}}, "", "formula:test");
  EXPECT_THROW(source.load("b.weight"), Error);
  EXPECT_THROW(source.load("a.scalar"), Error);
  EXPECT_EQ(source.names(), (std::vector<std::string>{"a.scalar", "a.weight"}));
}

}  // namespace
}  // namespace san
