#include "labels/result_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace san {
namespace {

TEST(ResultJson, DescribesWhatIsPresent) {
  SegmentationResult result;
  result.labels = LabelMap(2, 3);
  result.labels.labels = {0, 2, 2, 0, 2, 3};
  result.areas = {2, 0, 3, 1};
  result.label_scores = {0.5f, 1.0f, 0.25f, 1.0f, 0.25f, 0.125f};
  const std::vector<std::string> names{"sky", "sea", "caf\xe9"};
  const std::vector<Rgb> colors{{1, 2, 3}, {4, 5, 6}, {255, 0, 16}};
  const std::vector<MaskProposal> proposals{{7, 1, 0.5f, 0.5f, encode_rle(result.labels, 0)}};
  const auto json = nlohmann::json::parse(result_json(result, {"a.jpg", "tiny", names, colors, proposals}));
  EXPECT_EQ(json["image"], "a.jpg");
  EXPECT_EQ(json["width"], 3);
  EXPECT_EQ(json["height"], 2);
  ASSERT_EQ(json["classes"].size(), 3u);
  const auto& largest = json["classes"][0];
  EXPECT_EQ(largest["index"], 2);
  EXPECT_EQ(largest["name"], "caf\ufffd");
  EXPECT_EQ(largest["color"], "#ff0010");
  EXPECT_EQ(largest["area"], 3);
  EXPECT_EQ(largest["share"], 0.5);
  EXPECT_EQ(largest["mean_score"], 0.5);
  // Columns: 0 0 | 2 2 | 2 3.
  EXPECT_EQ(largest["segmentation"]["counts"], "231");
  EXPECT_EQ(largest["segmentation"]["size"], nlohmann::json({2, 3}));
  EXPECT_TRUE(json["classes"][2]["index"].is_null());
  EXPECT_EQ(json["classes"][2]["name"], "other");
  EXPECT_EQ(json["proposals"][0]["name"], "sea");
  EXPECT_EQ(json["proposals"][0]["score"], 0.25);
  EXPECT_EQ(json["proposals"][0]["area"], 2);
}

TEST(ResultJson, TellsProbabilitiesWhereTheCurveIsKnown) {
  SegmentationResult result;
  result.labels = LabelMap(1, 2);
  result.areas = {2, 0};
  result.label_scores = {0.5f, 1.0f};
  const std::vector<std::string> names{"sky"};
  const std::vector<Rgb> colors{{1, 2, 3}};
  ResultInfo info{"a", "b", names, colors};
  const auto plain = nlohmann::json::parse(result_json(result, info));
  EXPECT_FALSE(plain.contains("calibration"));
  EXPECT_FALSE(plain["classes"][0].contains("mean_probability"));
  info.curve = {0.5, 2};
  auto told = nlohmann::json::parse(result_json(result, info));
  EXPECT_EQ(told["calibration"], (nlohmann::json{{"a", 0.5}, {"b", 2.0}}));
  EXPECT_EQ(told["classes"][0]["mean_probability"], (0.5 * 0.25 + 0.5) / 2);
  EXPECT_EQ(told["classes"][0]["mean_score"], 0.75);
  result.label_scores.clear();
  EXPECT_FALSE(nlohmann::json::parse(result_json(result, info)).contains("calibration"));
}

TEST(ResultJson, RefusesMissingNames) {
  SegmentationResult result;
  result.labels = LabelMap(1, 1);
  result.areas = {1, 0, 0};
  const std::vector<std::string> names{"sky"};
  const std::vector<Rgb> colors{{1, 2, 3}};
  EXPECT_THROW(result_json(result, {"a", "b", names, colors}), Error);
}

}  // namespace
}  // namespace san
