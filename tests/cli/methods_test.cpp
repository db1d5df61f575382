// The methods beside the usual one, through the commands that take --method.
#include <nlohmann/json.hpp>

#include "cli_fixture.h"
#include "image/codec/decode.h"
#include "image/codec/encode.h"

namespace san::testing {
namespace {

namespace fs = std::filesystem;

class Method : public Cli, public ::testing::WithParamInterface<const char*> {};

TEST_P(Method, GivesThePictureTheSameLabelsInSegmentAndEvaluate) {
  picture("data/images/a.png");
  fs::create_directories(folder_ / "data/labels");
  write_labels(folder_ / "data/labels/a.png", LabelMap(60, 80, 1));
  const std::vector<std::string> classes{"--classes", "cat, sofa|couch, wall"};
  const auto labels_of = [&](const std::string& method) {
    std::vector<std::string> options{"--method", method, "--save", "labels"};
    options.insert(options.end(), classes.begin(), classes.end());
    expect_success(segment({"data/images/a.png"}, options));
    return decode_labels(folder_ / "out/a.labels.png");
  };
  const LabelMap labels = labels_of(GetParam());
  EXPECT_NE(labels, labels_of("san")) << "--method changes nothing";

  std::vector<std::string> scoring{
      "evaluate",    "--model",  "formula:tiny", "--images",  "data/images", "--labels",
      "data/labels", "--method", GetParam(),     "--threads", "1",           "--save-predictions",
      "png",         "--output", "scored",       "--json",    "--quiet"};
  scoring.insert(scoring.end(), classes.begin(), classes.end());
  const ProcessResult r = san(scoring);
  ASSERT_EQ(r.code, 0) << r.err;
  EXPECT_EQ(nlohmann::json::parse(r.out).at("settings").at("method"), GetParam());
  EXPECT_EQ(decode_labels(folder_ / "scored/predictions/a.png"), labels);
}

TEST_P(Method, WhatItCannotDoIsRefused) {
  picture("a.png");
  const auto refused = [&](const std::vector<std::string>& more, const std::string& words) {
    std::vector<std::string> options{"--method", GetParam(), "--classes", "cat, wall"};
    options.insert(options.end(), more.begin(), more.end());
    expect_error(segment({"a.png"}, options), 2, words);
  };
  refused({"--background", "other"}, std::string("method ") + GetParam() + " knows no background");
}

INSTANTIATE_TEST_SUITE_P(All, Method, ::testing::Values("maskclip", "crops"),
                         [](const auto& method) { return std::string(method.param); });

}  // namespace
}  // namespace san::testing
