// int8 as users meet it: written by `convert` and `quantize`, computed by every command that computes.
#include <cstring>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>

#include "cli_fixture.h"

namespace san::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kNames = "red circle, sky, grass, wall";

class Int8 : public Cli {
 protected:
  Int8() { picture("a.png", 96, 96); }

  void SetUp() override {
    if (san({"inspect", "--model", "default", "--size", "256x256"}).code != 0)
      GTEST_SKIP() << "no built-in model";
  }

  void convert_to_int8() const {
    const ProcessResult r =
        san({"convert", "default", "--precision", "int8", "--output", "small.safetensors"});
    expect_success(r);
    EXPECT_THAT(r.out, HasSubstr(", int8)"));
  }
  /// What `san segment` told, and the scores that it computed.
  std::pair<std::string, std::string> computed(const std::string& model,
                                               const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments{"--classes", kNames,   "--model",       model,
                                       "--save",    "scores", "--distractors", "none"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const ProcessResult r = segment({"a.png"}, arguments);
    expect_success(r);
    return {r.err, result("a.scores.safetensors")};
  }
  /// The scales of a layer of bytes in a model file, as they lie there.
  static void put_scale(std::string& file, float value) {
    std::uint64_t length = 0;
    std::memcpy(&length, file.data(), sizeof length);
    const json header = json::parse(file.substr(sizeof length, length));
    for (const auto& [name, tensor] : header.items()) {
      if (!name.ends_with(".int8_scale")) continue;
      const std::size_t at = sizeof length + length + tensor["data_offsets"][0].get<std::size_t>();
      std::memcpy(file.data() + at, &value, sizeof value);
      return;
    }
    FAIL() << "no scales";
  }
};

TEST_F(Int8, AFileOfBytesIsComputedInThemUnlessToldOtherwise) {
  convert_to_int8();
  EXPECT_LT(fs::file_size(folder_ / "small.safetensors"), 15'000'000u) << "float32 has 48 MB, float16 24";
  const auto [told, int8] = computed("small.safetensors", {"--precision", "int8"});
  const auto [also_told, exact] = computed("small.safetensors", {"--precision", "fp32"});
  EXPECT_EQ((told + also_told).find("int8"), std::string::npos) << "what was asked for is not told";
  EXPECT_TRUE(int8 != exact);
  // Which is faster depends on the processor; nothing else does.
  const auto [automatic, fastest] = computed("small.safetensors", {"--precision", "auto"});
  const bool bytes = automatic.find("--precision auto: int8") != std::string::npos;
  EXPECT_TRUE(fastest == (bytes ? int8 : exact)) << automatic;
  const auto [untold, chosen] = computed("small.safetensors");
  EXPECT_TRUE(chosen == fastest);
  EXPECT_EQ(untold.find("the model's weights are int8") != std::string::npos, bytes) << untold;

  const std::string whole = computed("default", {"--precision", "fp32"}).second;
  EXPECT_TRUE(computed("default").second == whole) << "a file of floats";
  EXPECT_TRUE(computed("default", {"--precision", "int8"}).second != whole) << "of which int8 is made";
}

TEST_F(Int8, WordsHaveAPrecisionOfTheirOwn) {
  // One cache for all: what was embedded in int8 must not be taken for float32's, nor the other way round.
  const std::string exact = computed("default").second;
  const std::string bytes = computed("default", {"--text-precision", "int8"}).second;
  EXPECT_TRUE(bytes != exact);
  EXPECT_TRUE(computed("default").second == exact);
  EXPECT_TRUE(computed("default", {"--text-precision", "int8"}).second == bytes);
  EXPECT_THAT(computed("default", {"--text-precision", "auto"}).first, HasSubstr("--text-precision auto: "));

  const auto refused = [&](const std::vector<std::string>& more, const std::string& why) {
    std::vector<std::string> arguments{"--classes", kNames};
    arguments.insert(arguments.end(), more.begin(), more.end());
    expect_error(segment({"a.png"}, arguments), 2, why);
  };
  refused({"--text-precision", "int4"}, "--text-precision int4");
  refused({"--text-precision", "int8", "--backend", "reference"}, "only native");
  const ProcessResult bench = san({"bench", "--text", "--threads", "1", "--repeat", "1", "--class-count", "3",
                                   "--text-precision", "int8", "--json"});
  expect_success(bench);
  const json report = json::parse(bench.out);
  EXPECT_EQ(report["precision"], "int8");
  EXPECT_GT(report["times_as_fast_as_fp32"].get<double>(), 0);
  EXPECT_GT(report["max_difference_from_fp32"].get<double>(), 0);
}

TEST_F(Int8, QuantizeMeasuresAndWrites) {
  const ProcessResult r = san({"quantize", "a.png", "--classes", kNames, "--report", "--threads", "1",
                               "--quiet", "--output", "small.safetensors"});
  EXPECT_EQ(r.code, 0) << r.err;
  EXPECT_THAT(r.out, AllOf(HasSubstr("labels that change"), HasSubstr("attention, every layer in float32"),
                           HasSubstr("1 pictures, "), HasSubstr("blocks.0.attn.qkv.weight"),
                           Not(HasSubstr("--report shows all"))));
  EXPECT_THAT(r.err, HasSubstr("wrote small.safetensors"));
  EXPECT_NE(computed("small.safetensors", {"--precision", "int8"}).second, "");

  const ProcessResult machine = san(
      {"quantize", "a.png", "--classes", kNames, "--json", "--threads", "1", "--quiet", "--agreement", "0"});
  expect_success(machine);
  const json report = json::parse(machine.out);
  EXPECT_EQ(report["pictures"], 1);
  EXPECT_EQ(report["agreement"], report["agreement_of_all"]) << "nothing is kept when nothing has to agree";
  EXPECT_GT(report["agreement_of_attention"], 0.99);
  EXPECT_LE(report["agreement_of_attention"], 1);
  EXPECT_GT(report["layers"].size(), 40u);
  for (const json& layer : report["layers"]) EXPECT_FALSE(layer["kept"].get<bool>()) << layer["name"];
}

TEST_F(Int8, WhatCannotBeDoneIsSaidAndLeavesNothing) {
  convert_to_int8();
  const auto quantize = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"quantize", "a.png", "--classes", kNames, "-o", "again.safetensors"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return san(arguments);
  };
  expect_error(quantize({"--model", "small.safetensors"}), 2, "int8 already");
  expect_error(quantize({"--agreement", "101"}), 2, "--agreement");
  expect_error(quantize({"--model", "none.safetensors"}), 2, "none.safetensors");
  expect_error(san({"quantize", "none.png", "--classes", kNames, "-o", "again.safetensors"}), 2, "none.png");
  expect_error(san({"convert", "default", "--precision", "int4", "-o", "again.safetensors"}), 2, "int4");
  expect_error(san({"convert", "small.safetensors", "--precision", "int8", "-o", "again.safetensors"}), 2,
               "int8");
  EXPECT_FALSE(fs::exists(folder_ / "again.safetensors"));

  const auto refused = [&](const std::string& model, const std::vector<std::string>& more,
                           const std::string& words) {
    std::vector<std::string> arguments{"--classes", kNames, "--model", model};
    arguments.insert(arguments.end(), more.begin(), more.end());
    expect_error(segment({"a.png"}, arguments), 2, words);
  };
  refused("default", {"--precision", "int4"}, "int4");
  refused("default", {"--precision", "int8", "--backend", "reference"}, "reference");
  const std::string whole = read_file(folder_ / "small.safetensors");
  for (const float bad :
       {-1.0f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    std::string file = whole;
    put_scale(file, bad);
    write_file(folder_ / "damaged.safetensors", file);
    refused("damaged.safetensors", {}, "int8_scale");
  }
  EXPECT_THAT(results(), ::testing::IsEmpty());
}

TEST_F(Int8, Bf16IsComputedWhereTheProcessorMultipliesIt) {
  const ProcessResult r = segment({"a.png"}, {"--classes", kNames, "--model", "default", "--precision",
                                              "bf16", "--save", "scores", "--distractors", "none"});
  if (r.code != 0) return expect_error(r, 2, "AVX-512 BF16");
  expect_success(r);
  const std::string near = result("a.scores.safetensors");
  EXPECT_TRUE(near != computed("default", {"--precision", "fp32"}).second);
}

TEST_F(Int8, BenchComparesItWithFloat32) {
  const ProcessResult r = san({"bench", "--model", "formula:tiny", "--size", "96x128", "--threads", "1",
                               "--repeat", "1", "--precision", "int8", "--json"});
  expect_success(r);
  const json report = json::parse(r.out);
  EXPECT_EQ(report["precision"], "int8");
  EXPECT_GT(report["fp32_ms"].get<double>(), 0);
  EXPECT_GT(report["times_as_fast_as_fp32"].get<double>(), 0);
}

}  // namespace
}  // namespace san::testing
