#include "checkpoint/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>

#include "base/atomic_file.h"
#include "base/error.h"
#include "checkpoint/test_files.h"

namespace san {
namespace {

using testing::HasSubstr;

FileBytes file_of(const std::string& header, std::size_t data_bytes, std::uint64_t claimed = ~0ull) {
  std::vector<std::byte> bytes(8 + header.size() + data_bytes);
  const std::uint64_t length = claimed == ~0ull ? header.size() : claimed;
  std::memcpy(bytes.data(), &length, 8);
  std::memcpy(bytes.data() + 8, header.data(), header.size());
  for (std::size_t i = 0; i < data_bytes; ++i) bytes[8 + header.size() + i] = static_cast<std::byte>(i);
  return FileBytes::hold(std::move(bytes), "test.safetensors");
}

void expect_refused(const std::string& header, std::size_t data_bytes, const std::string& reason) {
  try {
    SafetensorsFile file(file_of(header, data_bytes));
    ADD_FAILURE() << "accepted: " << header;
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr(reason)) << header;
    EXPECT_THAT(e.what(), HasSubstr("test.safetensors"));
  }
}

std::string tensor(const std::string& name, const std::string& dtype, const std::string& shape,
                   const std::string& offsets) {
  return '"' + name + R"(":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets +
         "}";
}

TEST(Safetensors, ReadsWhatTheReferenceWriterWrote) {
  const auto file = SafetensorsFile::open(test::data("odd_expected.safetensors"));
  EXPECT_EQ(file->names().size(), 17u);
  EXPECT_THAT(file->metadata("note"), HasSubstr("bf16 widened"));
  EXPECT_EQ(file->shape("empty"), (Shape{0, 3}));
  EXPECT_EQ(file->shape("scalar"), Shape{});
  EXPECT_EQ(file->load("scalar").elements(), 1);
  EXPECT_EQ(file->dtype("bool"), DType::kBool);
  EXPECT_EQ(file->load("f16").to_f32().size(), 24u);
  EXPECT_THROW(file->load("absent"), Error);
  EXPECT_THROW(file->metadata("absent"), Error);
  EXPECT_EQ(file->load("f32").to_f32().size(), 24u);
}

TEST(Safetensors, CopiesMisalignedValues) {
  const std::string entries = tensor("b", "U8", "[1]", "[0,1]") + "," + tensor("x", "I32", "[1]", "[1,5]");
  const SafetensorsFile file(file_of("{" + entries + "}", 5));
  EXPECT_EQ(file.load("x").to_i64(), (std::vector<std::int64_t>{0x04030201}));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(file.load("x").data.get()) % 4, 0u);
}

TEST(Safetensors, AcceptsGapsAndEmptyFiles) {
  EXPECT_EQ(SafetensorsFile(file_of("{}", 0)).names().size(), 0u);
  EXPECT_EQ(SafetensorsFile(file_of("{" + tensor("x", "U8", "[1]", "[3,4]") + "}", 9)).load("x").to_i64()[0],
            3);
}

TEST(Safetensors, RefusesMalformedHeaders) {
  expect_refused("[]", 0, "not a JSON object");
  expect_refused("{", 0, "not valid JSON");
  expect_refused("{\"\xff\":1}", 0, "not valid JSON");
  expect_refused("{\"x\":1}", 0, "must have exactly");
  expect_refused(R"({"x":{"dtype":"F32","shape":[1]}})", 4, "must have exactly");
  expect_refused("{" + tensor("x", "F8_E4M3", "[1]", "[0,1]") + "}", 1, "F8_E4M3");
  expect_refused("{" + tensor("x", "F32", "[-1]", "[0,4]") + "}", 4, "not a size");
  expect_refused("{" + tensor("x", "F32", "[1.0]", "[0,4]") + "}", 4, "not a size");
  expect_refused("{" + tensor("x", "F32", "[2]", "[0,4]") + "}", 4, "has 4 bytes");
  expect_refused("{" + tensor("x", "F32", "[1]", "[0,8]") + "}", 4, "cut off");
  expect_refused("{" + tensor("x", "F32", "[1]", "[8,4]") + "}", 8, "outside");
  expect_refused("{" + tensor("x", "F32", "[1]", "[-4,0]") + "}", 8, "outside");
  expect_refused("{" + tensor("x", "F32", "[1,1,1,1,1,1,1]", "[0,4]") + "}", 4, "at most 6");
  expect_refused("{" + tensor("x", "F64", "[2305843009213693952]", "[0,0]") + "}", 0, "has 0 bytes");
  expect_refused("{" + tensor("x", "F32", "[4294967296,4294967296]", "[0,0]") + "}", 0, "too many elements");
  expect_refused("{" + tensor("x", "F32", "[18446744073709551615]", "[0,0]") + "}", 0, "not a size");
  expect_refused("{" + tensor("x", "U8", "[1]", "[0,1]") + "," + tensor("x", "U8", "[1]", "[1,2]") + "}", 2,
                 "twice");
  expect_refused("{" + tensor("x", "U8", "[2]", "[0,2]") + "," + tensor("y", "U8", "[2]", "[1,3]") + "}", 4,
                 "overlap");
  expect_refused(R"({"__metadata__":{"a":1}})", 0, "not a string");
  expect_refused(R"({"__metadata__":[]})", 0, "not an object");
  expect_refused(R"({"__metadata__":{"a":"1","a":"2"}})", 0, "twice");
  expect_refused(R"({"x":)" + std::string(100'000, '['), 0, "nested deeper");
  std::string many = "[1";
  for (int i = 0; i < 100; ++i) many += ",1";
  expect_refused("{" + tensor("x", "U8", many + "]", "[0,1]") + "}", 1, "more than 16");
}

TEST(Safetensors, LimitsNames) {
  const std::string empty = R"({"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  expect_refused("{\"" + std::string(5000, 'a') + "\":" + empty + "}", 0, "of more than 4096 bytes");
  expect_refused(R"({"a\u001b[31m":)" + empty + "}", 0, "control characters");
  std::string many = "{";
  for (int i = 0; i <= 100'000; ++i)
    many += "\"t" + std::to_string(i) + "\":" + empty + (i < 100'000 ? "," : "}");
  expect_refused(many, 0, "100001 names, more than the 100000");
}

TEST(Safetensors, RefusesImpossibleLengths) {
  EXPECT_THROW(SafetensorsFile(FileBytes::hold({}, "empty")), Error);
  EXPECT_THROW(SafetensorsFile(FileBytes::hold(std::vector<std::byte>(7), "short")), Error);
  EXPECT_THROW(SafetensorsFile(file_of("{}", 0, 3)), Error);
  EXPECT_THROW(SafetensorsFile(file_of("{}", 0, 1ull << 63)), Error);
}

TEST(Safetensors, WritesWhatItReads) {
  const auto path = test::scratch("round.safetensors");
  const std::map<std::string, std::string> metadata = {{"format", "test"}, {"text", "line\nλ \"quoted\""}};
  const std::vector<TensorInfo> infos = {{"odd", DType::kF32, {3}},
                                         {"scalar", DType::kF32, {}},
                                         {"half", DType::kF16, {32, 2}},
                                         {"empty", DType::kF32, {0, 2}},
                                         {"wide", DType::kF32, {4, 16}}};
  const auto values = [](const TensorInfo& t) {
    std::vector<float> v(static_cast<std::size_t>(t.shape.elements()));
    for (std::size_t i = 0; i < v.size(); ++i) v[i] = static_cast<float>(i) - 0.5f;
    return HostArray::from(t.shape, std::move(v)).cast(t.dtype);
  };
  write_safetensors(path, infos, metadata, values);
  const auto file = SafetensorsFile::open(path);
  EXPECT_EQ(file->metadata(), metadata);
  for (const auto& info : infos) {
    EXPECT_EQ(file->shape(info.name), info.shape);
    EXPECT_EQ(file->dtype(info.name), info.dtype);
    EXPECT_EQ(file->load(info.name).to_f32(), values(info).to_f32());
  }
  // What is in memory is borrowed, so addresses tell the alignment within the file.
  const OwnedBytes content = read_file(path);
  const FileBytes held = FileBytes::hold({content.bytes.begin(), content.bytes.end()}, "round");
  const std::byte* begin = held.head(1).bytes.data();
  for (const char* name : {"half", "wide"})
    EXPECT_EQ((SafetensorsFile(held).load(name).data.get() - begin) % 64, 0) << name;

  const std::string once = read_text_file(path);
  auto reversed = infos;
  std::ranges::reverse(reversed);
  write_safetensors(path, reversed, metadata, values);
  EXPECT_EQ(read_text_file(path), once);
  std::filesystem::remove(path);
}

TEST(Safetensors, LargeMatricesOfAFileAreReadByRows) {
  const auto path = test::scratch("rows.safetensors");
  constexpr std::int64_t kRows = 500, kColumns = 300;
  std::vector<float> values(kRows * kColumns);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  const std::vector<TensorInfo> infos = {{"m", DType::kF16, {kRows, kColumns}},
                                         {"few", DType::kF32, {10, kColumns}},
                                         {"v", DType::kF32, {kRows * kColumns}}};
  write_safetensors(path, infos, {}, [&](const TensorInfo& info) {
    return HostArray::from(info.shape, {values.begin(), values.begin() + info.shape.elements()})
        .cast(info.dtype);
  });
  auto file = SafetensorsFile::open(path);
  EXPECT_FALSE(file->stored_rows("few")) << "costs little as a whole";
  EXPECT_FALSE(file->stored_rows("v")) << "has no rows";
  EXPECT_THROW((void)file->stored_rows("absent"), Error);
  const OwnedBytes content = read_file(path);
  const FileBytes held = FileBytes::hold({content.bytes.begin(), content.bytes.end()}, "rows");
  EXPECT_FALSE(SafetensorsFile(held).stored_rows("m")) << "can be borrowed";

  const HostArray all = file->load("m");
  const auto rows = file->stored_rows("m");
  ASSERT_TRUE(rows);
  EXPECT_EQ(rows->dtype, DType::kF16);
  EXPECT_EQ(rows->shape, (Shape{kRows, kColumns}));
  file.reset();
  std::atomic<int> wrong = 0;
  const auto compare = [&](std::int64_t first) {
    for (std::int64_t begin = first; begin < kRows; begin += 100) {
      std::vector<std::byte> part(50 * kColumns * 2);
      rows->read(begin, begin + 50, part.data());
      wrong += !std::equal(part.begin(), part.end(), all.data.get() + begin * kColumns * 2);
    }
  };
  std::thread other(compare, 50);
  compare(0);
  other.join();
  EXPECT_EQ(wrong, 0);
  std::filesystem::resize_file(path, 1000);
  std::vector<std::byte> part(kColumns * 2);
  EXPECT_THROW(rows->read(kRows - 1, kRows, part.data()), Error) << "cut off meanwhile";
  std::filesystem::remove(path);
}

TEST(Safetensors, WriterRefusesWhatItCannotKeep) {
  const auto path = test::scratch("bad.safetensors");
  const auto one = [](const TensorInfo&) { return HostArray::from({1}, {1}); };
  EXPECT_THROW(write_safetensors(path, {{"x", DType::kF16, {1}}}, {}, one), Error);
  EXPECT_THROW(write_safetensors(path, {{"x", DType::kF32, {1}}, {"x", DType::kF32, {1}}}, {}, one), Error);
  EXPECT_THROW(write_safetensors(path, {{"x", DType::kF32, {1}}}, {{"a", "\xff"}}, one), Error);
  EXPECT_THROW(write_safetensors(path / "no-folder", {{"x", DType::kF32, {1}}}, {}, one), Error);
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace san
