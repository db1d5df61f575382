#include "engine/score_calibration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backend/reference/reference_backend.h"
#include "base/atomic_file.h"
#include "base/error.h"
#include "base/input_file.h"
#include "engine/engine.h"
#include "engine/network_hash.h"

namespace san {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

ScoreCalibration of(const LoadedModel& model) {
  return {{0.9, 2}, network_hash(model), "ten pictures", {{"backend", "native"}}, 0.1, 0.02};
}

std::string path(const char* name) {
  return (fs::path(::testing::TempDir()) / name).string();
}

TEST(ScoreCalibration, IsKeptInAFileForOneNetwork) {
  const LoadedModel model = load_model("formula:tiny");
  EXPECT_FALSE(model.curve.known());
  const std::string file = path("tiny.json");
  save_score_calibration(of(model), file);
  const ScoreCalibration read = parse_score_calibration(read_file(file, 1 << 20).text(), file);
  EXPECT_EQ(read.curve, (ScoreCurve{0.9, 2}));
  EXPECT_EQ(read.pictures, "ten pictures");
  EXPECT_EQ(read.settings.at("backend"), "native");
  EXPECT_EQ(read.error_of_probabilities, 0.02);
  EXPECT_EQ(load_model("formula:tiny", {"", "", file}).curve, read.curve);
  EXPECT_THAT(
      [&] {
        load_model("formula:tiny", {"", "another seed", file});
      },
      ThrowsMessage<Error>(AllOf(HasSubstr(file), HasSubstr("another network"), HasSubstr("--calibrate"))));
  EXPECT_THROW(load_model("formula:tiny", {"", "", path("gone.json")}), Error);
}

TEST(ScoreCalibration, HoldsForItsMethodAlone) {
  LoadedModel model = load_model("formula:tiny");
  model.curve = {0.9, 2};
  EXPECT_EQ(Engine(model, make_reference_backend()).curve(), model.curve);
  EXPECT_FALSE(Engine(model, make_reference_backend(), "maskclip").curve().known());
}

TEST(ScoreCalibration, OfTheBuiltInModelIsItsOwn) {
  const ScoreCalibration own = default_score_calibration();
  EXPECT_EQ(own.network, network_hash(load_model("default")));
  EXPECT_TRUE(own.curve.known());
  EXPECT_LT(own.error_of_probabilities, own.error_of_scores);
  EXPECT_EQ(load_model("default").curve, own.curve);
  EXPECT_FALSE(load_model("default", {"", "", "none"}).curve.known());
}

TEST(ScoreCalibration, OtherFilesAreRefused) {
  const std::string good =
      R"({"format": "san calibration 1", "network": "n", "a": 0.9, "b": 2, "pictures": "p",
    "settings": {}, "error_of_scores": 0.1, "error_of_probabilities": 0})";
  EXPECT_NO_THROW(parse_score_calibration(good, "x"));
  const auto with = [&](const std::string& old, const std::string& other) {
    std::string text = good;
    return text.replace(text.find(old), old.size(), other);
  };
  for (const std::string& bad :
       {std::string("{"), std::string("[]"), std::string("{}"), with("calibration 1", "calibration 2"),
        with("\"san calibration 1\"", "7"), with("0.9", "1.01"), with("0.9", "0"), with("0.9", "\"much\""),
        with("\"b\": 2", "\"b\": -2"), with("\"b\": 2", "\"b\": 1e9"), with("\"b\": 2", "\"c\": 2"),
        with("{}", "{\"a\": 1}")})
    EXPECT_THAT([&] { parse_score_calibration(bad, "x.json"); }, ThrowsMessage<Error>(HasSubstr("x.json")))
        << bad;
}

}  // namespace
}  // namespace san
