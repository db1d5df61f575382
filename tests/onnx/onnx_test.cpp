// What `san export` writes, as its readers meet it: Hugging Face's tokenizer, a page in a browser.
#include <nlohmann/json.hpp>

#include "cli/cli_fixture.h"
#include "image/codec/decode.h"
#include "text/clip_bpe_for_tests.h"

namespace san::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;

class Onnx : public Cli {
 protected:
  /// Where npm's packages are; empty: nowhere.
  static fs::path packages() {
    const char* named = std::getenv("SAN_ONNXRUNTIME_DIR");
    const fs::path path = named ? fs::path(named) : fs::path(SAN_BINARY_DIR) / "node";
    return fs::exists(path / "node_modules") ? path : fs::path();
  }
  ProcessResult node(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "node");
    ProcessOptions options;
    options.folder = folder_.path();
    options.environment = {{"SAN_ONNXRUNTIME_DIR", packages().string()}};
    return run_process(arguments, options);
  }
};

const char* const kNoPackages =
    "npm's packages are not at hand; `cmake --build BUILD --target node_packages` fetches them";

TEST_F(Onnx, ExportWritesFourFilesAndSaysSo) {
  const ProcessResult result = san({"export", "--onnx", "graphs", "--model", "formula:tiny", "--quiet"});
  expect_success(result);
  EXPECT_EQ(files_below(folder_ / "graphs").size(), 4u);
  EXPECT_THAT(result.out, HasSubstr("graphs/image.onnx"));
  const json about = json::parse(read_file(folder_ / "graphs/metadata.json"));
  EXPECT_EQ(about.at("image").at("inputs").at("image").at("shape"), json({"batch", 3, "height", "width"}));
  for (const char* part : {"image", "text"})
    EXPECT_TRUE(fs::exists(folder_ / "graphs" / about.at(part).at("file").get<std::string>()));
}

TEST_F(Onnx, WhatCannotBeExportedIsNamedAndNothingIsWritten) {
  const auto refused = [&](std::vector<std::string> options, const std::string& words) {
    options.insert(options.begin(), {"export", "--onnx", "graphs", "--model", "formula:tiny"});
    expect_error(san(options), 2, words);
    EXPECT_FALSE(fs::exists(folder_ / "graphs")) << words;
  };
  refused({"--opset", "16"}, "operator set 16: expected 17");
  refused({"--opset", "17", "--segmenter"}, "segmenter: operator set 17 is too old");
  refused({"--size", "100x128"}, "expected multiples of 32, for example 128x160");
  refused({"--size", "large"}, "expected HEIGHTxWIDTH in pixels");
  refused({"--classes", "cat", "--static-vocabulary", "3"}, "these are folded in");
  refused({"--calibrate", "."}, "--calibrate is for --precision int8");
  refused({"--precision", "int8", "--calibrate", "nowhere"}, "nowhere");
  expect_error(san({"export", "--model", "formula:tiny"}), 2, "expected --onnx DIR");
}

TEST_F(Onnx, Int8IsCalibratedOnTheUsersPictures) {
  fs::create_directory(folder_ / "pictures");
  picture("pictures/a.png", 60, 80);
  picture("pictures/b.png", 70, 50);
  expect_success(san({"export", "--onnx", "graphs", "--model", "formula:tiny", "--quiet", "--classes",
                      "cat, sofa", "--precision", "int8", "--calibrate", "pictures", "--most-changed", "1"}));
  const json about = json::parse(read_file(folder_ / "graphs/metadata.json"));
  EXPECT_EQ(about.at("precision"), "int8");
  EXPECT_EQ(about.at("int8").at("calibration_pictures"), 2);
  EXPECT_EQ(about.at("int8").at("share_of_linear_layers"), 1);
  EXPECT_EQ(about.at("int8").at("float_layers"), json::array());
}

TEST_F(Onnx, AFileGivenToClassesIsReadWithAHint) {
  write_file(folder_ / "names.txt", "cat\nsofa|couch\n");
  const std::vector<std::string> command{"export", "--onnx", "graphs", "--model", "formula:tiny", "--quiet"};
  const auto with = [&](std::vector<std::string> all) {
    all.insert(all.begin(), command.begin(), command.end());
    return san(all);
  };
  const ProcessResult r = with({"--classes", "names.txt"});
  expect_success(r);
  EXPECT_THAT(r.err, HasSubstr("write --classes-file names.txt"));
  EXPECT_EQ(json::parse(read_file(folder_ / "graphs/metadata.json")).at("classes"), json({"cat", "sofa"}));
  expect_error(with({"--classes", "cat", "--classes-file", "names.txt"}), 2, "--classes");
}

TEST_F(Onnx, FoldedClassesAreInTheGraphAndItsMetadata) {
  expect_success(san({"export", "--onnx", "graphs", "--model", "formula:tiny", "--segmenter", "--quiet",
                      "--classes", "cat, sofa|couch"}));
  const json about = json::parse(read_file(folder_ / "graphs/metadata.json"));
  EXPECT_EQ(about.at("classes"), json({"cat", "sofa"}));
  EXPECT_EQ(about.at("row_class"), json({0, 1, 1}));
  EXPECT_FALSE(about.at("image").at("inputs").contains("text_embeddings"));
}

TEST_F(Onnx, HuggingFacesTokenizersReproduceTheRecordedStrings) {
  if (packages().empty()) GTEST_SKIP() << kNoPackages;
  const fs::path bpe = clip_bpe_path();
  if (bpe.empty()) GTEST_SKIP() << kClipBpeMissing;
  expect_success(
      san({"export", "--onnx", "graphs", "--model", "formula:tiny", "--quiet", "--bpe", bpe.string()}));
  for (const char* library : {"javascript", "rust"}) {
    const ProcessResult result =
        node({SAN_SOURCE_DIR "/tests/node/check_tokenizer.js", "graphs/tokenizer.json",
              SAN_SOURCE_DIR "/tests/data/text/tokenizer.jsonl", library});
    ASSERT_EQ(result.code, 0) << result.err;
    const json report = json::parse(result.out);
    EXPECT_EQ(report.at("checked"), 1773) << library;
    // Text decoded by the wrong table: no replacement repairs that.
    ASSERT_EQ(report.at("wrong").size(), 1u) << library << report.at("wrong").dump(1);
    EXPECT_EQ(report.at("wrong")[0].at("text"), "schÃ¶n");
  }
}

TEST_F(Onnx, ThePageSegmentsInABrowserAsTheProgramDoes) {
  if (packages().empty()) GTEST_SKIP() << kNoPackages;
  const std::string names = "sun, meadow, night sky, doughnut, road";
  picture("picture.png", 300, 400);
  const ProcessResult made =
      run_process({SAN_SOURCE_DIR "/tools/try-page.sh", (folder_ / "page").string(), SAN_BINARY_DIR});
  ASSERT_EQ(made.code, 0) << made.err;
  const ProcessResult shown = node({SAN_SOURCE_DIR "/tests/onnx/try_page.mjs", (folder_ / "page").string(),
                                    (folder_ / "picture.png").string(), names});
  if (shown.code == 3) GTEST_SKIP() << "Chromium is not at hand (Debian: chromium)";
  ASSERT_EQ(shown.code, 0) << shown.err;
  const json seen = json::parse(shown.out);
  ASSERT_EQ(seen.at("width"), 400);
  ASSERT_EQ(seen.at("height"), 300);

  ASSERT_EQ(san({"segment", "picture.png", "--classes", names, "--distractors", "none", "--save", "labels",
                 "--output", "out"})
                .code,
            0);
  const LabelMap labels = decode_labels(folder_ / "out/picture.labels.png");
  ASSERT_EQ(seen.at("labels").size(), labels.labels.size());
  std::size_t different = 0;
  for (std::size_t i = 0; i < labels.labels.size(); ++i)
    different += seen.at("labels")[i].get<int>() != static_cast<int>(labels.labels[i]) ? 1 : 0;
  // Pixels whose two best classes score the same but for rounding; Segmenter tests look at the scores
  // themselves.
  EXPECT_LE(different, labels.labels.size() / 200);
}

}  // namespace
}  // namespace san::testing
