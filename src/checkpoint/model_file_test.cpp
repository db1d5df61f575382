#include "checkpoint/model_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/atomic_file.h"
#include "base/error.h"
#include "checkpoint/memory_source.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/test_files.h"
#include "checkpoint/test_zip.h"
#include "tensor/int8_rows.h"

namespace san {
namespace {

using test::error_of;
using testing::HasSubstr;

ModelMetadata metadata() {
  return {R"({"clip": {"width": 4}, "name": "ünïcode"})",
          "a b\nab c</w>\n",
          {"a photo of a {}.", "{}"},
          "quick_gelu",
          "Apache-2.0",
          "# Card\n",
          {{"seed", "7"}}};
}

MemorySource parameters() {
  return MemorySource({{"x.weight", HostArray::from({2, 2}, {1, 0.1f, -3, 1e-8f})},
                       {"x.bias", HostArray::from({2}, {0.1f, 1e5f})},
                       {"scale", HostArray::from({}, {4.6051702f})},
                       {"half", HostArray::from({1, 2}, {0.1f, 2}).cast(DType::kF16)}},
                      "memory");
}

class ModelFile : public testing::TestWithParam<DType> {};

TEST_P(ModelFile, RoundTrip) {
  const auto path = test::scratch("model.san");
  write_model_file(path, parameters(), metadata(), GetParam());
  const ModelSource model = open_model_file(path);
  EXPECT_EQ(model.format, SourceFormat::kModelFile);
  EXPECT_EQ(model.metadata, metadata());
  EXPECT_EQ(model.parameters->names(), parameters().names());
  for (const auto& name : parameters().names()) {
    const HostArray original = parameters().load(name), read = model.parameters->load(name);
    const bool is_vector = original.shape.rank() < 2;
    EXPECT_EQ(read.dtype, is_vector ? DType::kF32 : GetParam()) << name;
    EXPECT_EQ(read.to_f32(), (is_vector ? original : original.cast(DType::kF32).cast(GetParam())).to_f32())
        << name;
  }
  std::filesystem::remove(path);
}

INSTANTIATE_TEST_SUITE_P(Types, ModelFile, testing::Values(DType::kF32, DType::kF16),
                         [](const auto& instance) { return std::string(dtype_name(instance.param)); });

TEST(ModelFileWriter, RefusesWhatCannotBeRunOrHeld) {
  const auto path = test::scratch("bad.san");
  const auto refusal = [&](auto change, DType dtype = DType::kF32) {
    ModelMetadata changed = metadata();
    change(changed);
    return error_of([&] { write_model_file(path, parameters(), changed, dtype); });
  };
  EXPECT_THAT(refusal([](auto& m) { m.config = "[1]"; }), HasSubstr("not a JSON object"));
  EXPECT_THAT(refusal([](auto& m) { m.config = "{"; }), HasSubstr("not valid JSON"));
  EXPECT_THAT(
      refusal([](auto& m) { m.config = "{\"a\":" + std::string(100, '[') + std::string(100, ']') + "}"; }),
      HasSubstr("nested"));
  EXPECT_THAT(refusal([](auto& m) { m.merges.clear(); }), HasSubstr("merges"));
  EXPECT_THAT(refusal([](auto& m) { m.templates.clear(); }), HasSubstr("templates"));
  EXPECT_THAT(refusal([](auto& m) { m.templates = {"a photo"}; }), HasSubstr("{}"));
  EXPECT_THAT(refusal([](auto& m) { m.activation = "relu"; }), HasSubstr("quick_gelu"));
  EXPECT_THAT(refusal([](auto& m) { m.model_card = "\xff"; }), HasSubstr("UTF-8"));
  EXPECT_THAT(refusal([](auto&) {}, DType::kI8), HasSubstr("f32 or f16"));
  const MemorySource large({{"w", HostArray::from({1, 1}, {70000})}}, "memory");
  EXPECT_THAT(error_of([&] { write_model_file(path, large, metadata(), DType::kF16); }), HasSubstr("70000"));
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(ModelFileWriter, MatricesNamedBecomeBytesWithAScalePerRow) {
  const auto path = test::scratch("int8.san");
  write_model_file(path, parameters(), metadata(), DType::kF16, {"x.weight"});
  const ModelSource model = open_model_file(path);
  EXPECT_EQ(model.metadata, metadata());
  EXPECT_EQ(model.int8, std::set<std::string>{"x.weight"});
  EXPECT_EQ(model.parameters->names(), parameters().names()) << "scales are no parameters";
  const HostArray read = model.parameters->load("x.weight");
  EXPECT_EQ(read.dtype, DType::kF32);
  EXPECT_EQ(read.to_f32(), quantize_rows(std::vector<float>{1, 0.1f, -3, 1e-8f}, 2, 2).dequantized());
  EXPECT_EQ(model.parameters->load("half").dtype, DType::kF16);
  EXPECT_THAT(error_of([&] { (void)model.parameters->load("x.weight.int8_scale"); }),
              HasSubstr("no parameter"));
  // What came out goes in again unchanged.
  const auto again = test::scratch("again.san");
  write_model_file(again, *model.parameters, metadata(), DType::kF16, model.int8);
  EXPECT_EQ(open_model_file(again).parameters->load("x.weight").to_f32(), read.to_f32());
  std::filesystem::remove(again);
  std::filesystem::remove(path);
}

TEST(ModelFileWriter, BytesReadByRowsAreThoseOfTheWhole) {
  const auto path = test::scratch("int8_rows.san");
  constexpr std::int64_t kRows = 700, kColumns = 400;
  std::vector<float> values(kRows * kColumns);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i * 7919 % 1009) - 500.0f;
  const MemorySource source({{"m", HostArray::from({kRows, kColumns}, values)}}, "memory");
  write_model_file(path, source, metadata(), DType::kF16, {"m"});
  const ModelSource model = open_model_file(path);
  const HostArray all = model.parameters->load("m");
  const auto rows = model.parameters->stored_rows("m");
  ASSERT_TRUE(rows);
  EXPECT_EQ(rows->dtype, DType::kF32);
  EXPECT_EQ(rows->shape, all.shape);
  std::vector<float> part(90 * kColumns);
  rows->read(600, 690, reinterpret_cast<std::byte*>(part.data()));
  EXPECT_TRUE(std::ranges::equal(part, all.f32().subspan(600 * kColumns, part.size())));
  std::filesystem::remove(path);
}

TEST(ModelFileWriter, RefusesBytesOfWhatIsNoMatrix) {
  const auto path = test::scratch("bad_int8.san");
  const auto refusal = [&](const ParameterSource& source, const char* name) {
    return error_of([&] { write_model_file(path, source, metadata(), DType::kF32, {name}); });
  };
  EXPECT_THAT(refusal(parameters(), "x.bias"), HasSubstr("no matrix"));
  EXPECT_THAT(refusal(parameters(), "absent"), HasSubstr("absent"));
  const float inf = std::numeric_limits<float>::infinity();
  EXPECT_THAT(refusal(MemorySource({{"w", HostArray::from({2, 1}, {1, inf})}}, "memory"), "w"),
              testing::AllOf(HasSubstr("\"w\""), HasSubstr("row 1")));
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(ModelSource, RefusesBytesAndScalesThatDoNotFit) {
  const auto path = test::scratch("hostile_int8.san");
  const std::map<std::string, std::string> entries = {
      {"format", "san.cpp-model-2"}, {"config", "{}"}, {"merges", "a b"}, {"templates", R"(["{}"])"},
      {"activation", "gelu"},        {"license", ""},  {"model_card", ""}};
  const auto bytes = [](const Shape& shape) {
    auto values = std::make_shared<std::vector<std::int8_t>>(static_cast<std::size_t>(shape.elements()), 127);
    return HostArray{DType::kI8, shape, {values, reinterpret_cast<const std::byte*>(values->data())}};
  };
  const auto refusal = [&](const std::map<std::string, HostArray>& arrays) {
    std::vector<TensorInfo> tensors;
    for (const auto& [name, array] : arrays) tensors.push_back({name, array.dtype, array.shape});
    write_safetensors(path, tensors, entries, [&](const TensorInfo& t) { return arrays.at(t.name); });
    return error_of([&] {
      const ModelSource model = open_model_file(path);
      for (const auto& name : model.parameters->names()) (void)model.parameters->load(name);
    });
  };
  const HostArray scales = HostArray::from({2}, {0.5f, 0});
  EXPECT_EQ(refusal({{"w", bytes({2, 3})}, {"w.int8_scale", scales}}), "");
  EXPECT_EQ(refusal({{"w", bytes({2, 3, 1, 1})}, {"w.int8_scale", scales}}), "");
  EXPECT_EQ(refusal({{"w", bytes({0, 3})}, {"w.int8_scale", HostArray::from({0}, {})}}), "");
  EXPECT_THAT(refusal({{"w", bytes({2, 3})}}), HasSubstr("has no \"w.int8_scale\""));
  EXPECT_THAT(refusal({{"w.int8_scale", scales}}), HasSubstr("not there"));
  EXPECT_THAT(refusal({{"w", scales}, {"w.int8_scale", scales}}), HasSubstr("not there"));
  EXPECT_THAT(refusal({{"w", bytes({3, 2})}, {"w.int8_scale", scales}}), HasSubstr("expected f32 [3]"));
  EXPECT_THAT(refusal({{"w", bytes({2})}, {"w.int8_scale", scales}}), HasSubstr("only matrices"));
  EXPECT_THAT(refusal({{"w", bytes({2, 3})}, {"w.int8_scale", scales.cast(DType::kF16)}}), HasSubstr("f16"));
  for (const float bad :
       {-1.0f, 1e38f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()})
    EXPECT_THAT(refusal({{"w", bytes({2, 3})}, {"w.int8_scale", HostArray::from({2}, {1, bad})}}),
                HasSubstr("w.int8_scale"));
  std::filesystem::remove(path);
}

TEST(ModelFileWriter, KeepsTheArchitecture) {
  const auto path = test::scratch("architecture.san");
  ModelMetadata other = metadata();
  other.architecture = "colors-2", other.activation = "";
  write_model_file(path, parameters(), other, DType::kF32);
  EXPECT_EQ(open_model_file(path).metadata, other);
  for (const char* damaged : {"", "\x1b[31mred", "San", "a b"}) {
    other.architecture = damaged;
    EXPECT_THAT(error_of([&] { write_model_file(path, parameters(), other, DType::kF32); }),
                testing::AllOf(HasSubstr("architecture"), testing::Not(HasSubstr("\x1b"))));
  }
  std::filesystem::remove(path);
}

TEST(ModelSource, TellsFormatsApart) {
  EXPECT_EQ(open_model_source(test::data("odd_zip.pth")).format, SourceFormat::kTorchZip);
  EXPECT_EQ(open_model_source(test::data("odd_legacy.pth")).format, SourceFormat::kTorchLegacy);
  EXPECT_EQ(open_model_source(test::data("odd_expected.safetensors")).format, SourceFormat::kSafetensors);
  EXPECT_EQ(open_model_source(test::data("odd_bare.pth")).metadata, std::nullopt);
  EXPECT_THAT(error_of([] { open_model_source(test::data("state_dict_tiny.tsv")); }), HasSubstr("neither"));
  EXPECT_THAT(error_of([] { open_model_source(test::data("absent")); }), HasSubstr("absent"));
  for (const char* foreign : {"odd_zip.pth", "odd_expected.safetensors"})
    EXPECT_THAT(error_of([&] { open_model_file(test::data(foreign)); }),
                testing::AllOf(HasSubstr(foreign), HasSubstr("san convert")));
}

TEST(ModelSource, RefusesIncompleteOrNewerFiles) {
  const auto path = test::scratch("edited.san");
  const std::map<std::string, std::string> good = {
      {"format", "san.cpp-model-1"}, {"config", "{}"}, {"merges", "a b"}, {"templates", R"(["{}"])"},
      {"activation", "gelu"},        {"license", ""},  {"model_card", ""}};
  const auto refusal = [&](const std::string& key, const std::optional<std::string>& value) {
    auto entries = good;
    entries.erase(key);
    if (value) entries[key] = *value;
    write_safetensors(path, {}, entries, [](const TensorInfo&) { return HostArray(); });
    return error_of([&] { open_model_file(path); });
  };
  EXPECT_EQ(refusal("license", "MIT"), "");
  EXPECT_EQ(open_model_file(path).metadata->architecture, "san") << "files used not to say";
  EXPECT_THAT(refusal("architecture", std::string(41, 'a')), HasSubstr("architecture"));
  EXPECT_THAT(refusal("format", "san.cpp-model-3"), HasSubstr("too new"));
  EXPECT_THAT(refusal("format", std::nullopt), HasSubstr("san convert"));
  for (const auto& [key, value] : good) {
    if (key != "format") {
      EXPECT_THAT(refusal(key, std::nullopt), HasSubstr(key));
    }
  }
  EXPECT_THAT(refusal("templates", "{}"), HasSubstr("array"));
  EXPECT_THAT(refusal("templates", "[1]"), HasSubstr("not a string"));
  EXPECT_THAT(refusal("templates", std::string(1000, '[')), HasSubstr("nested"));
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace san
