#include "explain/explanation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "backend/native/native_backend.h"
#include "base/base64.h"
#include "base/test_error.h"
#include "engine/test_engine.h"
#include "explain/explanation_json.h"
#include "labels/axis_weights.h"
#include "san/colors.hpp"

namespace san {
namespace {

using test::encode;
using test::error_of;
using test::pattern;
using testing::HasSubstr;

std::vector<float> noise(std::size_t count, std::uint64_t seed) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i)
    values[i] = static_cast<float>(std::sin(static_cast<double>((i + 1) * (seed + 7)) * 12.9898));
  return values;
}

TEST(PrincipalColors, OneDirectionShowsInOneColour) {
  const std::vector<float> vectors{0, 0, 0, 1, 2, 0, 2, 4, 0, 5, 10, 0};  // along (1, 2, 0)
  float share = 0;
  const auto rgb = principal_colors(vectors, 3, share);
  EXPECT_FLOAT_EQ(share, 1.0f);
  ASSERT_EQ(rgb.size(), 12u);
  const bool falling = rgb[0] == 255;
  const std::vector<int> red{rgb[0], rgb[3], rgb[6], rgb[9]};
  EXPECT_EQ(red, (falling ? std::vector<int>{255, 204, 153, 0} : std::vector<int>{0, 51, 102, 255}));
}

TEST(PrincipalColors, WhatDoesNotDifferIsGrey) {
  float share = 0;
  EXPECT_EQ(principal_colors(std::vector<float>(12, 3.0f), 4, share), std::vector<std::uint8_t>(9, 128));
  EXPECT_EQ(share, 1.0f);
}

TEST(SlsAttention, FollowsTheBiasWhereKeysSayNothing) {
  const std::vector<float> zeros(2), keys(4);
  const std::vector<float> bias{std::log(3.0f), 0, 0, 0};  // two heads, one query, two patches
  const SlsAttention a = sls_attention(zeros, zeros, keys, bias, 2, 2);
  constexpr float kRounding = 1e-6f;
  EXPECT_NEAR(a.patches[0], (0.6f + 1.0f / 3) / 2, kRounding);
  EXPECT_NEAR(a.patches[1], (0.2f + 1.0f / 3) / 2, kRounding);
  EXPECT_NEAR(a.own[0], (0.2f + 1.0f / 3) / 2, kRounding);
}

// Values that name the patch they come from let the backend's own attention tell what it looked at.
TEST(SlsAttention, IsWhatTheBackendComputesWith) {
  constexpr std::int64_t kHeads = 2, kWidth = 12, kQueries = 5, kPatches = 5, kPart = kWidth / kHeads;
  const auto queries = noise(kQueries * kWidth, 1), own = noise(kQueries * kWidth, 2),
             keys = noise(kPatches * kWidth, 3), bias = noise(kHeads * kQueries * kPatches, 4);
  std::vector<float> values(kPatches * kWidth), own_values(kQueries * kWidth);
  for (std::int64_t head = 0; head < kHeads; ++head) {
    for (std::int64_t l = 0; l < kPatches; ++l)
      values[static_cast<std::size_t>(l * kWidth + head * kPart + l)] = 1;
    for (std::int64_t q = 0; q < kQueries; ++q)
      own_values[static_cast<std::size_t>(q * kWidth + head * kPart + kPatches)] = 1;
  }
  const auto b = make_native_backend();
  AttentionOptions options;
  options.heads = kHeads;
  options.bias = b->from_host({1, kHeads, kQueries, kPatches}, bias);
  options.self_key = b->from_host({1, kQueries, kWidth}, own);
  options.self_value = b->from_host({1, kQueries, kWidth}, own_values);
  const std::vector<float> told = b->to_host(
      b->attention(b->from_host({1, kQueries, kWidth}, queries), b->from_host({1, kPatches, kWidth}, keys),
                   b->from_host({1, kPatches, kWidth}, values), options));
  const SlsAttention a = sls_attention(queries, own, keys, bias, kWidth, kHeads);
  constexpr float kRounding = 1e-5f;
  for (std::int64_t q = 0; q < kQueries; ++q)
    for (std::int64_t l = 0; l <= kPatches; ++l) {
      float mean = 0;
      for (std::int64_t head = 0; head < kHeads; ++head)
        mean += told[static_cast<std::size_t>(q * kWidth + head * kPart + l)] / kHeads;
      EXPECT_NEAR(l < kPatches ? a.patches[static_cast<std::size_t>(q * kPatches + l)]
                               : a.own[static_cast<std::size_t>(q)],
                  mean, kRounding);
    }
}

class Explaining : public testing::Test {
 protected:
  const std::shared_ptr<const Engine> engine_ =
      std::make_shared<const Engine>(load_model("formula:tiny"), make_native_backend());
  Session session_{engine_, 1};
  const Image picture_ = pattern(45, 60);
  const std::shared_ptr<const TextEmbeddings> words_ = encode(*engine_, "cat, sofa|couch, wall");
};

TEST_F(Explaining, HasEveryStageWithItsSizes) {
  const Explanation e = explain(session_, picture_, words_, {});
  const auto queries = static_cast<std::size_t>(e.queries),
             patches = static_cast<std::size_t>(e.clip_grid.tokens());
  const SanConfig config = SanConfig::tiny();
  EXPECT_EQ(e.height, 45);
  EXPECT_EQ(e.width, 60);
  ASSERT_EQ(e.features.size(), static_cast<std::size_t>(config.feature_layer) + 1);
  for (const FeatureColors& f : e.features) {
    EXPECT_EQ(f.rgb.size(), 3 * patches);
    EXPECT_GT(f.share, 0.0f);
    EXPECT_LE(f.share, 1.0f);
  }
  EXPECT_EQ(e.masks.size(), queries * static_cast<std::size_t>(e.mask_grid.tokens()));
  EXPECT_EQ(e.bias.size(), static_cast<std::size_t>(e.heads) * queries * patches);
  ASSERT_EQ(e.attention.size(), static_cast<std::size_t>(config.clip.layers - config.recognition_start()));
  for (const SlsAttention& a : e.attention) {
    ASSERT_EQ(a.patches.size(), queries * patches);
    for (std::size_t q = 0; q < queries; ++q) {
      const auto row = std::span(a.patches).subspan(q * patches, patches);
      EXPECT_NEAR(std::accumulate(row.begin(), row.end(), double{a.own[q]}), 1.0, 1e-4) << "float rounding";
    }
  }
  EXPECT_EQ(e.probabilities.size(), queries * 4);
  EXPECT_EQ(e.result.labels, session_.segment(picture_, words_).labels);
}

TEST_F(Explaining, ListensOnlyWhileItRuns) {
  explain(session_, picture_, words_, {});
  EXPECT_FALSE(session_.backend().tapped());
}

std::vector<float> floats(const nlohmann::json& text) {
  const std::string bytes = base64_decode(text.get<std::string>());
  std::vector<float> values(bytes.size() / sizeof(float));
  std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(values.data()));
  return values;
}

// The page forms this sum in JavaScript (tests/page has that); here from the same numbers.
TEST_F(Explaining, ItsNumbersAddUpToTheLabels) {
  for (const Background background : {Background::kNone, Background::kOther}) {
    SegmentOptions options;
    options.background = background;
    const Explanation e = explain(session_, picture_, words_, options);
    const auto json =
        nlohmann::json::parse(explanation_json(e, picture_, {"a.png", "tiny", distinct_colors(3)}));
    const auto masks = floats(json["masks"]), probabilities = floats(json["probabilities"]);
    const int rows = json["mask_grid"][0], columns = json["mask_grid"][1];
    const auto down = AxisWeights::compose(rows, json["input"][0], json["content"][0], 45),
               across = AxisWeights::compose(columns, json["input"][1], json["content"][1], 60);
    int ties = 0;
    for (int y = 0; y < 45; ++y)
      for (int x = 0; x < 60; ++x) {
        std::vector<double> scores(4);
        for (int q = 0; q < e.queries; ++q) {
          double logit = 0;
          const auto &r = down.taps[static_cast<std::size_t>(y)],
                     &c = across.taps[static_cast<std::size_t>(x)];
          for (std::size_t i = 0; i < static_cast<std::size_t>(r.count); ++i)
            for (std::size_t j = 0; j < static_cast<std::size_t>(c.count); ++j)
              logit += double{r.weight[i]} * c.weight[j] *
                       masks[static_cast<std::size_t>((q * rows + r.index[i]) * columns + c.index[j])];
          for (std::size_t k = 0; k < 4; ++k)
            scores[k] += probabilities[static_cast<std::size_t>(q) * 4 + k] / (1 + std::exp(-logit));
        }
        const auto best = std::max_element(scores.begin(), scores.begin() + 3);
        const double margin = background == Background::kOther ? std::abs(*best - scores[3]) : 1.0;
        std::vector<double> sorted(scores.begin(), scores.begin() + 3);
        std::ranges::sort(sorted, std::greater{});
        // Closer than float32 sums can tell.
        if (std::min(margin, sorted[0] - sorted[1]) < 1e-5 * sorted[0]) {
          ++ties;
          continue;
        }
        const bool other = background == Background::kOther && *best < scores[3];
        ASSERT_EQ(e.result.labels.row(y)[x], other ? 3 : best - scores.begin()) << x << ", " << y;
      }
    EXPECT_LT(ties, 45 * 60 / 20);
  }
}

TEST_F(Explaining, ThePageHoldsItsDataWhateverTheNames) {
  const Explanation e = explain(session_, picture_, words_, {});
  const std::string json = explanation_json(e, picture_, {"</script><b>\x1b", "tiny", distinct_colors(3)});
  const std::string page = explanation_page(json);
  EXPECT_THAT(page, HasSubstr("renderExplanation"));
  EXPECT_EQ(page.find("</script><b>"), std::string::npos);
  for (const char* place : {"@STYLE@", "@SCRIPT@", "@DATA@"})
    EXPECT_EQ(page.find(place), std::string::npos) << place;
  for (const char* elsewhere : {"http://", "https://", "src=\"", "@import", "url("})
    EXPECT_EQ(page.find(elsewhere), std::string::npos) << elsewhere;
}

TEST_F(Explaining, MorePatchesThanCanBeKeptAreRefusedAndTheSessionStaysUsable) {
  SegmentOptions options;
  options.look.short_side = 4160;
  options.look.long_side = 4160;
  EXPECT_THAT(error_of([&] { explain(session_, pattern(8, 8), words_, options); }),
              HasSubstr("smaller short side"));
  EXPECT_FALSE(session_.backend().tapped());
  EXPECT_EQ(explain(session_, picture_, words_, {}).result.labels, session_.segment(picture_, words_).labels);
}

TEST_F(Explaining, WhatCannotBeExplainedIsSaid) {
  const auto maskclip =
      std::make_shared<const Engine>(load_model("formula:tiny"), make_native_backend(), "maskclip");
  Session session(maskclip, 1);
  EXPECT_THAT(error_of([&] { explain(session, picture_, encode(*maskclip, "cat, wall"), {}); }),
              HasSubstr("maskclip"));
}

}  // namespace
}  // namespace san
