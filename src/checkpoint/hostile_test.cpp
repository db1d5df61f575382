// What must never happen to a reader of files from strangers: anything but success or one clear Error.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "base/atomic_file.h"
#include "base/error.h"
#include "checkpoint/architecture.h"
#include "checkpoint/model_file.h"
#include "checkpoint/name_maps.h"
#include "checkpoint/test_files.h"
#include "checkpoint/test_zip.h"
#include "checkpoint/torch_file.h"

namespace san {
namespace {

using namespace std::string_literals;
using test::error_of;
using test::hold;
using test::zip_of;
using test::ZipMember;
using testing::HasSubstr;

void open_and_read(const std::string& content) {
  error_of([&] {
    const ModelSource source = open_model_source(hold(content));
    for (const auto& name : source.parameters->names())
      error_of([&] {
        if (source.parameters->shape(name).elements() < (1 << 20)) source.parameters->load(name).to_f32();
      });
    infer_architecture(*to_san_names(source.parameters).parameters);
  });
}

class DamagedFiles : public testing::TestWithParam<const char*> {};

TEST_P(DamagedFiles, EveryTruncation) {
  const std::string content = read_text_file(test::data(GetParam()));
  for (std::size_t size = 0; size < content.size(); ++size) open_and_read(content.substr(0, size));
}

TEST_P(DamagedFiles, EveryByteFlipped) {
  std::string content = read_text_file(test::data(GetParam()));
  std::mt19937 random(7);
  for (std::size_t i = 0; i < content.size(); ++i) {
    const char original = content[i];
    for (const int mask : {1 << random() % 8, 0xff}) {
      content[i] = static_cast<char>(original ^ mask);
      open_and_read(content);
    }
    content[i] = original;
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, DamagedFiles,
                         testing::Values("odd_zip.pth", "odd_zip_proto4.pth", "odd_legacy.pth",
                                         "odd_bare.pth", "odd_expected.safetensors"),
                         [](const auto& instance) {
                           std::string name = instance.param;
                           std::ranges::replace(name, '.', '_');
                           return name;
                         });

// Another program may cut a file off while it is open: what was read stays, what is missing is an Error.
TEST(CutOffWhileOpen, EveryFormat) {
  for (const char* name : {"odd_zip.pth", "odd_legacy.pth", "odd_expected.safetensors"}) {
    const auto path = std::filesystem::path(testing::TempDir()) / name;
    std::filesystem::copy_file(test::data(name), path, std::filesystem::copy_options::overwrite_existing);
    const ModelSource source = open_model_source(path);
    const HostArray kept = source.parameters->load("f32");
    const std::vector<float> before = kept.to_f32();
    std::filesystem::resize_file(path, 200);
    EXPECT_EQ(kept.to_f32(), before) << name;
    int refused = 0;
    for (const auto& parameter : source.parameters->names()) {
      const std::string error = error_of([&] { source.parameters->load(parameter); });
      if (error.empty()) continue;
      EXPECT_THAT(error, HasSubstr(path.string()));
      ++refused;
    }
    EXPECT_GT(refused, 0) << name;
  }
}

std::string text(const std::string& value) {
  std::string out = "X";
  test::put<std::uint32_t>(out, static_cast<std::uint32_t>(value.size()));
  return out + value;
}
std::string number(std::int64_t value) {
  std::string out = "\x8a\x08";
  test::put<std::int64_t>(out, value);
  return out;
}
// A float tensor of one dimension, viewing the storage "0".
std::string tensor(std::int64_t storage_count, std::int64_t offset, std::int64_t size, std::int64_t stride,
                   const std::string& type = "FloatStorage") {
  return "ctorch._utils\n_rebuild_tensor_v2\n(("s + text("storage") + "ctorch\n" + type + "\n" + text("0") +
         text("cpu") + number(storage_count) + "tQ" + number(offset) + number(size) + "\x85" +
         number(stride) + "\x85\x89}tR";
}
std::string state_dict(const std::string& value) {
  return "}"s + text("w") + value + "s.";
}

std::string torch_zip(const std::string& pickle,
                      std::vector<ZipMember> more = {{"a/data/0", std::string(16, '\0')}}) {
  more.push_back({"a/data.pkl", pickle});
  return zip_of(more);
}
std::string load_error(const std::string& file) {
  return error_of([&] { TorchFile(hold(file)).load("w"); });
}

TEST(HostileTorch, TheGoodCaseOfTheseTests) {
  EXPECT_EQ(load_error(torch_zip(state_dict(tensor(4, 0, 4, 1)))), "");
  EXPECT_EQ(load_error(torch_zip(state_dict(tensor(4, 3, 1, 1)))), "");
}

TEST(HostileTorch, CodeIsNamedNotRun) {
  const std::string attack = "cos\nsystem\n("s + text("touch /tmp/owned") + "tR";
  const TorchFile file(hold(torch_zip("}("s + text("w") + tensor(4, 0, 4, 1) + text("x") + attack + "u.")));
  EXPECT_THAT(file.opaque_makers(), testing::ElementsAre("os.system"));
  EXPECT_THAT(file.ignored(), testing::ElementsAre("x"));
  EXPECT_EQ(file.load("w").to_f32(), std::vector<float>(4));
}

TEST(HostileTorch, ImpossibleTensors) {
  const auto with = [](const std::string& value) { return load_error(torch_zip(state_dict(value))); };
  constexpr std::int64_t kHuge = std::int64_t{1} << 62;
  EXPECT_THAT(with(tensor(5, 0, 5, 1)), HasSubstr("needs 20 bytes, its record has 16"));
  EXPECT_THAT(with(tensor(4, 1, 4, 1)), HasSubstr("reaches element 4 of a storage of 4"));
  EXPECT_THAT(with(tensor(4, 0, 4, 2)), HasSubstr("reaches element 6"));
  EXPECT_THAT(with(tensor(4, 0, 2, -1)), HasSubstr("strides are impossible"));
  EXPECT_THAT(with(tensor(4, -1, 2, 1)), HasSubstr("impossible"));
  EXPECT_THAT(with(tensor(4, 0, -2, 1)), HasSubstr("negative"));
  EXPECT_THAT(with(tensor(4, 0, kHuge, 1)), HasSubstr("too many"));
  EXPECT_THAT(with(tensor(4, 0, 3, kHuge)), HasSubstr("impossible"));
  EXPECT_THAT(with(tensor(4, 0, std::int64_t{1} << 40, 0)), HasSubstr("too large a repetition"));
  EXPECT_THAT(with(tensor(kHuge, 0, 1, 1)), HasSubstr("impossible"));
  EXPECT_THAT(with(tensor(std::int64_t{1} << 40, 0, 1, 1)), HasSubstr("its record has 16"));
  EXPECT_THAT(with(tensor(-4, 0, 1, 1)), HasSubstr("negative size"));
  EXPECT_THAT(with(tensor(4, 0, 1, 1, "ComplexFloatStorage")), HasSubstr("ComplexFloatStorage"));
}

// Views may share values: a small file could claim any amount of work.
TEST(HostileTorch, TensorsThatRepeatTheFile) {
  std::string pickle = "}("s;
  for (int i = 0; i < 100; ++i) pickle += text(fmt::format("w{}", i)) + tensor(4, 0, 1 << 24, 0);
  EXPECT_THAT(load_error(torch_zip(pickle + "u.")),
              HasSubstr("335544320 bytes of values in tensors, more than the"));
}

TEST(HostileTorch, ImpossibleArchives) {
  const std::string pickle = state_dict(tensor(4, 0, 4, 1));
  EXPECT_THAT(load_error(torch_zip(pickle, {})), HasSubstr("no \"a/data/0\""));
  EXPECT_THAT(load_error(torch_zip(pickle, {{"a/data/0", std::string(1 << 20, '\0'), true}})),
              HasSubstr("at most 16"));
  EXPECT_THAT(load_error(torch_zip(pickle, {{"a/byteorder", "big"}})), HasSubstr("big-endian"));
  EXPECT_THAT(load_error(torch_zip(pickle, {{"b/data.pkl", pickle}})), HasSubstr("two data.pkl"));
  EXPECT_THAT(load_error(zip_of({{"readme.txt", "hello"}})), HasSubstr("without data.pkl"));
  EXPECT_THAT(load_error(torch_zip("].")), HasSubstr("expected a dictionary"));
  EXPECT_THAT(load_error(torch_zip("}.")), HasSubstr("no tensors"));
  EXPECT_THAT(load_error(torch_zip(state_dict("}"s + text("model") + "}s"))), HasSubstr("no tensors"));
  EXPECT_THAT(load_error("\x80\x02}."s), HasSubstr("not a PyTorch file"));
}

// Each module holds the previous one twice: 2^40 paths lead to the tensor.
TEST(HostileTorch, ModulesWithTooManyPaths) {
  std::string pickle = "c__torch__\nM\nq\x01)\x81}"s + text("w") + tensor(4, 0, 4, 1) + "sbq\x02" + "0";
  for (int depth = 0; depth < 30; ++depth)
    pickle += "h\x01)\x81}("s + text("a") + "h\x02" + text("b") + "h\x02ubq\x02" + "0";
  const ZipMember constants{"a/constants.pkl", ")."};
  EXPECT_THAT(load_error(torch_zip(pickle + "h\x02.", {constants})), HasSubstr("modules"));
  // A broad fan of modules that all lead to the same tensor.
  std::string fan = "c__torch__\nM\nq\x01)\x81}("s;
  for (int i = 0; i < 2000; ++i) fan += text(fmt::format("p{}", i)) + "N";
  fan += text("w") + tensor(4, 0, 4, 1) + "ubq\x02" + "0h\x01)\x81}(";
  for (int i = 0; i < 2000; ++i) fan += text(fmt::format("m{}", i)) + "h\x02";
  EXPECT_THAT(load_error(torch_zip(fan + "ub.", {constants})),
              HasSubstr("attributes of modules, more than the 1000000"));
  const std::string cycle = "c__torch__\nM\n)\x81q\x01}"s + text("a") + "h\x01sb.";
  EXPECT_THAT(load_error(torch_zip(cycle, {constants})), HasSubstr("nested too deeply"));
}

}  // namespace
}  // namespace san
