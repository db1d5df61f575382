#include "checkpoint/torch_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "base/error.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/test_files.h"

namespace san {
namespace {

// Every value is exact: conversions to double lose nothing of these types.
void expect_same(const HostArray& actual, const HostArray& expected, const std::string& name) {
  ASSERT_EQ(actual.shape, expected.shape) << name;
  if (expected.dtype == DType::kF64) {
    ASSERT_EQ(actual.dtype, DType::kF64) << name;
    EXPECT_EQ(std::memcmp(actual.data.get(), expected.data.get(), static_cast<std::size_t>(expected.bytes())),
              0)
        << name;
  } else if (expected.dtype >= DType::kI64) {
    EXPECT_EQ(actual.to_i64(), expected.to_i64()) << name;
  } else {
    EXPECT_EQ(actual.to_f32(), expected.to_f32()) << name;
  }
}

struct OddFile {
  const char* name;
  TorchFile::Container container;
  const char* key;
};

class OddFiles : public testing::TestWithParam<OddFile> {};

TEST_P(OddFiles, HoldTheExpectedValues) {
  const auto file = TorchFile::open(test::data(GetParam().name));
  EXPECT_EQ(file->container(), GetParam().container);
  EXPECT_EQ(file->state_dict_key(), GetParam().key);
  EXPECT_THAT(file->ignored(), testing::IsEmpty());
  EXPECT_THAT(file->opaque_makers(), testing::IsEmpty());
  const auto expected = SafetensorsFile::open(test::data("odd_expected.safetensors"));
  EXPECT_EQ(file->names(), expected->names());
  for (const auto& name : expected->names()) {
    EXPECT_EQ(file->shape(name), expected->shape(name)) << name;
    expect_same(file->load(name), expected->load(name), name);
    expect_same(file->load(name), expected->load(name), name);
  }
  EXPECT_EQ(file->load("bf16").dtype, DType::kBF16);
  EXPECT_EQ(file->load("i16").dtype, DType::kI16);
  EXPECT_EQ(file->load("bool").dtype, DType::kBool);
  EXPECT_FALSE(file->contains("decoy"));
  EXPECT_THROW(file->load("decoy"), Error);
}

INSTANTIATE_TEST_SUITE_P(All, OddFiles,
                         testing::Values(OddFile{"odd_zip.pth", TorchFile::Container::kZip, "model"},
                                         OddFile{"odd_zip_proto4.pth", TorchFile::Container::kZip, "model"},
                                         OddFile{"odd_legacy.pth", TorchFile::Container::kLegacy, "model"},
                                         OddFile{"odd_bare.pth", TorchFile::Container::kZip, ""}),
                         [](const auto& instance) {
                           const std::string name = instance.param.name;
                           return name.substr(0, name.find('.'));
                         });

TEST(TorchFile, TopLevelValues) {
  const auto file = TorchFile::open(test::data("odd_zip.pth"));
  EXPECT_EQ(file->top_level("iteration"), "59999");
  EXPECT_EQ(file->top_level("lr"), "0.0001");
  EXPECT_EQ(file->top_level("neg"), "-5");
  EXPECT_EQ(file->top_level("text"), std::nullopt);
  EXPECT_EQ(file->top_level("absent"), std::nullopt);
}

// Both files carry the weights that tiny.safetensors stores one by one.
void check_against_tiny(const std::string& name) {
  const auto path = test::golden(name), golden = test::golden("tiny.safetensors");
  SAN_REQUIRE_GOLDEN(path);
  SAN_REQUIRE_GOLDEN(golden);
  const auto file = TorchFile::open(path);
  const auto expected = SafetensorsFile::open(golden);
  int compared = 0;
  for (const auto& full : expected->names()) {
    constexpr std::string_view prefix = "weights/";
    if (!full.starts_with(prefix)) continue;
    const std::string weight = full.substr(prefix.size());
    ASSERT_TRUE(file->contains(weight)) << weight;
    expect_same(file->load(weight), expected->load(full), weight);
    ++compared;
  }
  EXPECT_GE(compared, 170);
}

TEST(TorchFile, Detectron2Checkpoint) {
  check_against_tiny("tiny.pth");
}
TEST(TorchFile, LegacyDetectron2Checkpoint) {
  check_against_tiny("tiny_legacy.pth");
}

TEST(TorchFile, TorchScriptArchive) {
  const auto path = test::golden("tiny_clip.pt"), names = test::golden("tiny_clip_names.tsv");
  SAN_REQUIRE_GOLDEN(path);
  SAN_REQUIRE_GOLDEN(names);
  const auto file = TorchFile::open(path);
  EXPECT_EQ(file->container(), TorchFile::Container::kTorchScript);
  const auto rows = test::read_tsv(names);
  EXPECT_EQ(file->names().size(), rows.size());
  for (const auto& row : rows) {
    ASSERT_TRUE(file->contains(row[0])) << row[0];
    const HostArray values = file->load(row[0]);
    EXPECT_EQ(dtype_name(values.dtype), row[2] == "float16" ? "f16"
                                        : row[2] == "int64" ? "i64"
                                                            : "f32")
        << row[0];
  }
  EXPECT_EQ(file->load("input_resolution").to_i64(), (std::vector<std::int64_t>{64}));
}

}  // namespace
}  // namespace san
