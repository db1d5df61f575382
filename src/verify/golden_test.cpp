#include "verify/golden.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "backend/native/native_backend.h"
#include "backend/reference/reference_backend.h"
#include "base/error.h"
#include "checkpoint/test_files.h"
#include "verify/official_config.h"
#include "verify/sliced.h"

namespace san {
namespace {

namespace fs = std::filesystem;

// The specification itself against the authors' code: every recorded tensor of the tiny network.
TEST(Golden, ReferenceBackendReproducesTheTinyNetwork) {
  const fs::path file = test::golden("tiny.safetensors");
  if (!fs::exists(file)) GTEST_SKIP() << "golden tensors not found at " << file << "; set SAN_GOLDEN_DIR";
  const auto backend = make_reference_backend();
  const GoldenReport report = verify_inference(file, *backend, {});
  EXPECT_GE(report.checks.size(), 48u);
  for (const TensorCheck& c : report.checks)
    EXPECT_TRUE(c.passed) << c.name << ": error " << c.max_error << ", bound " << c.bound << " " << c.note;
}

// What ships, against the authors' code on the real networks (weights by the formula).
class NativeGolden : public testing::TestWithParam<const char*> {};

TEST_P(NativeGolden, ReproducesEveryTensor) {
  const fs::path file = test::golden(GetParam());
  if (!fs::exists(file)) GTEST_SKIP() << "golden tensors not found at " << file << "; set SAN_GOLDEN_DIR";
  const auto backend = make_native_backend({});
  const GoldenReport report = verify_inference(file, *backend, {});
  EXPECT_GE(report.checks.size(), 40u);
  for (const TensorCheck& c : report.checks)
    EXPECT_TRUE(c.passed) << c.name << ": error " << c.max_error << ", bound " << c.bound << " " << c.note;
}

INSTANTIATE_TEST_SUITE_P(Networks, NativeGolden,
                         testing::Values("tiny.safetensors", "vitb16.safetensors", "vitl14_336.safetensors"),
                         [](const auto& network) {
                           return std::string(network.param, std::strchr(network.param, '.'));
                         });

TEST(Golden, RefusesOtherFiles) {
  const auto backend = make_reference_backend();
  EXPECT_THROW(golden_kind(fs::path(SAN_SOURCE_DIR) / "LICENSE"), Error);
  EXPECT_THROW(verify_inference("/nonexistent", *backend, {}), Error);
}

// The tiny recording with one entry of its metadata replaced.
fs::path with_metadata(const std::string& key, const std::string& value) {
  std::ifstream in(test::golden("tiny.safetensors"), std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(in), {}};
  std::uint64_t length = 0;  // of the header, which follows it
  std::memcpy(&length, whole.data(), sizeof length);
  auto header = nlohmann::json::parse(whole.substr(sizeof length, length));
  const std::string tensors = whole.substr(sizeof length + length);
  header["__metadata__"][key] = value;
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  length = text.size();
  fs::path path = fs::path(testing::TempDir()) / "damaged_recording.safetensors";
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(&length), sizeof length);
  out << text << tensors;
  return path;
}

TEST(Golden, DamagedMetadataIsAnErrorThatNamesTheFile) {
  const fs::path file = test::golden("tiny.safetensors");
  if (!fs::exists(file)) GTEST_SKIP() << "golden tensors not found at " << file << "; set SAN_GOLDEN_DIR";
  const auto backend = make_reference_backend();
  const std::string many = nlohmann::json(std::vector<std::string>(100'000, "x {}")).dump();
  for (const auto& [key, value] : {std::pair<std::string, std::string>{"min_size_test", "2000000000"},
                                   {"min_size_test", std::string(100'000, '7')},
                                   {"max_size_test", "many"},
                                   {"vocabulary", many},
                                   {"templates", many},
                                   {"vocabulary", std::string(100'000, '[')},
                                   {"overrides", R"(["MODEL.SIDE_ADAPTER.NUM_QUERIES", 99999999999])"},
                                   {"case", "\x1b[2J"}}) {
    const fs::path damaged = with_metadata(key, value);
    try {
      verify_inference(damaged, *backend, {});
      ADD_FAILURE() << key << " was accepted";
    } catch (const Error& error) {
      EXPECT_TRUE(std::string(error.what()).starts_with(damaged.string())) << error.what();
      EXPECT_LT(std::strlen(error.what()), 1000u);
    }
  }
}

// Long text after the noise overflowed the stack of a regular expression.
TEST(Golden, LongMetadataDoesNotOverflowTheStack) {
  const fs::path file = test::golden("tiny.safetensors");
  if (!fs::exists(file)) GTEST_SKIP() << "golden tensors not found at " << file << "; set SAN_GOLDEN_DIR";
  const auto backend = make_reference_backend();
  const fs::path damaged = with_metadata("noise:sem_seg", "max=" + std::string(1'000'000, '1'));
  try {
    EXPECT_FALSE(verify_inference(damaged, *backend, {}).checks.empty());
  } catch (const Error& error) {
    EXPECT_TRUE(std::string(error.what()).starts_with(damaged.string()));
  }
}

TEST(OfficialConfig, TakesDetectronOverrides) {
  const SanConfig c = apply_overrides(
      SanConfig::vit_b_16(),
      R"(["MODEL.SIDE_ADAPTER.VIT_NAME", "vit_w96n4d6_patch8", "MODEL.SIDE_ADAPTER.IMAGE_SIZE", 320,
                                          "MODEL.SIDE_ADAPTER.FUSION_MAP", ["0->0", "9->2"], "MODEL.SAN.NUM_CLASSES", 5,
                                          "MODEL.SIDE_ADAPTER.DEEP_SUPERVISION_IDXS", [6], "MODEL.SAN.CLIP_RESOLUTION", 0.7])",
      "test");
  EXPECT_EQ(c.width, 96);
  EXPECT_EQ(c.heads, 4);
  EXPECT_EQ(c.blocks, 6);
  EXPECT_EQ(c.patch, 8);
  EXPECT_EQ(c.fusion, (std::map<int, int>{{0, 0}, {2, 9}}));
  EXPECT_EQ(c.clip_scale, 0.7);
  EXPECT_THROW(apply_overrides(c, R"(["MODEL.NOTHING", 1])", "test"), Error);
  EXPECT_THROW(apply_overrides(c, R"(["MODEL.SIDE_ADAPTER.VIT_NAME", "resnet"])", "test"), Error);
}

TEST(TakeSlice, FollowsNumpy) {
  const Values x{{2, 3, 4},
                 {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23}};
  const Values y = take_slice(x, "[:, ::2, 1:4:2] of [2, 3, 4]", "x");
  EXPECT_EQ(y.shape, (Shape{2, 2, 2}));
  EXPECT_EQ(y.data, (std::vector<float>{1, 3, 9, 11, 13, 15, 21, 23}));
  EXPECT_EQ(take_slice(x, "[:1] of [2, 3, 4]", "x").shape, (Shape{1, 3, 4}));
  EXPECT_EQ(take_slice(x, "whole of [2, 3, 4]", "x").data, x.data);
  for (const char* bad : {"[", "[::0]", "[a:b]", "[:, :, :, :]", "[:-1]", "nonsense"})
    EXPECT_THROW(take_slice(x, bad, "x"), Error) << bad;
}

TEST(Transpose, FollowsNumpy) {
  const Values y = transpose({{1, 2, 3}, {0, 1, 2, 3, 4, 5}}, {0, 2, 1});
  EXPECT_EQ(y.shape, (Shape{1, 3, 2}));
  EXPECT_EQ(y.data, (std::vector<float>{0, 3, 1, 4, 2, 5}));
}

}  // namespace
}  // namespace san
