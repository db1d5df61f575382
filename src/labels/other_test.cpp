// Which pixels become "other": what distractors win and what scores too little; and edges that follow a
// picture.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/test_error.h"
#include "labels/head_options_for_tests.h"
#include "labels/mask_proposals.h"
#include "labels/refine.h"
#include "labels/segmentation_head.h"

namespace san {
namespace {

using test::error_of;
using test::plain;

/// Two queries, the left and the right half of a grid of 2 × 8; the left one is class 0, the right one class
/// 1 of three, a little.
struct Halves {
  std::vector<float> classes{4, 0, 0, -20, 0, 1, 0, -20};
  std::vector<float> masks;
  HeadView view;

  explicit Halves(float logit = 9) {
    for (int q = 0; q < 2; ++q)
      for (int i = 0; i < 16; ++i) masks.push_back((i % 8 < 4) == (q == 0) ? logit : -logit);
    view.class_logits = classes;
    view.mask_logits = masks;
    view.queries = 2;
    view.grid_height = 2, view.grid_width = 8;
    view.padded_height = view.content_height = 16;
    view.padded_width = view.content_width = 64;
  }
};

TEST(Other, IsWhatDistractorsWin) {
  const Halves halves;
  ThreadPool pool(1);
  SegmentationHead head(pool);
  HeadOptions options = plain(3);
  options.distractors = 2;  // class 1 and class 2
  const SegmentationResult r = head.run({&halves.view, 1}, 16, 64, options);
  EXPECT_EQ(r.labels.row(8)[10], 0);
  EXPECT_EQ(r.labels.row(8)[50], 1);  // one class is asked for: its "other"
  EXPECT_EQ(r.areas, (std::vector<std::int64_t>{512, 512}));
  // A proposal is never of a distractor.
  const auto proposals = mask_proposals(halves.view, 16, 64, options, {}, pool);
  ASSERT_EQ(proposals.size(), 1u);
  EXPECT_EQ(proposals[0].class_index, 0);
}

TEST(Other, IsWhatScoresTooLittle) {
  const Halves halves;
  ThreadPool pool(1);
  SegmentationHead head(pool);
  HeadOptions options = plain(3);
  options.label_scores = true;
  const SegmentationResult all = head.run({&halves.view, 1}, 16, 64, options);
  const float high = all.label_scores[8 * 64 + 10], low = all.label_scores[8 * 64 + 50];
  ASSERT_LT(low, high);
  options.min_score = (low + high) / 2;
  for (const bool scores : {true, false}) {
    options.label_scores = scores;
    const SegmentationResult r = head.run({&halves.view, 1}, 16, 64, options);
    EXPECT_EQ(r.labels.row(8)[10], 0);
    EXPECT_EQ(r.labels.row(8)[50], 3);
    EXPECT_EQ(r.areas[3], 512);
    EXPECT_EQ(r.label_scores.empty(), !scores);
  }
}

TEST(Other, IsWhatIsProbablyWrongWhereACurveSaysSo) {
  const Halves halves;
  ThreadPool pool(1);
  SegmentationHead head(pool);
  HeadOptions options = plain(3);
  options.label_scores = true;
  const SegmentationResult all = head.run({&halves.view, 1}, 16, 64, options);
  const float high = all.label_scores[8 * 64 + 10], low = all.label_scores[8 * 64 + 50];
  options.curve = {0.9, 2};
  // Between what both halves stand for by the curve, which is below both by their scores.
  options.min_score = static_cast<float>((options.curve.probability(static_cast<double>(low)) +
                                          options.curve.probability(static_cast<double>(high))) /
                                         2);
  const SegmentationResult r = head.run({&halves.view, 1}, 16, 64, options);
  EXPECT_EQ(r.labels.row(8)[10], 0);
  EXPECT_EQ(r.labels.row(8)[50], 3);
  EXPECT_EQ(r.label_scores, all.label_scores) << "scores stay what they are";
  options.min_score = 0.91f;  // no label is right as often
  EXPECT_EQ(head.run({&halves.view, 1}, 16, 64, options).areas[3], 16 * 64);
  options.min_score = 0;
  EXPECT_EQ(head.run({&halves.view, 1}, 16, 64, options).labels, all.labels);
  options.curve.a = 1.5;
  EXPECT_NE(error_of([&] {
              head.run({&halves.view, 1}, 16, 64, options);
            }).find("a = 1.5"),
            std::string::npos);
}

TEST(Other, RefusesDistractorsAlone) {
  const Halves halves;
  ThreadPool pool(1);
  HeadOptions options = plain(3);
  options.distractors = 3;
  EXPECT_NE(error_of([&] {
              SegmentationHead(pool).run({&halves.view, 1}, 16, 64, options);
            }).find("3 distractors"),
            std::string::npos);
}

TEST(Refinement, MovesTheEdgeToThePicturesOwn) {
  const Halves halves(2);  // soft masks: the score changes over many pixels
  ThreadPool pool(1);
  SegmentationHead head(pool);
  HeadOptions options = plain(3);
  const int height = 256, width = 512, there = 268;  // windows reach 8 pixels
  Image picture(height, width);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      std::fill_n(picture.row(y) + 3 * x, 3, static_cast<std::uint8_t>(x < there ? 30 : 220));
  const auto edge = [&](const SegmentationResult& r) {
    const Label* row = r.labels.row(height / 2);
    return static_cast<double>(std::find_if(row, row + width, [](Label v) { return v != 0; }) - row);
  };
  const SegmentationResult before = head.run({&halves.view, 1}, height, width, options);
  EXPECT_NEAR(edge(before), 271, 1);  // where the scores of the two classes are equal
  const Image guide = refinement_guide(picture, pool);
  options.guide = &guide;
  options.label_scores = true;
  const SegmentationResult after = head.run({&halves.view, 1}, height, width, options);
  EXPECT_EQ(edge(after), there);
  EXPECT_EQ(after.areas[0] + after.areas[1], height * width);
  EXPECT_EQ(after.areas[0], std::ranges::count(after.labels.labels, Label{0}));
  EXPECT_TRUE(std::ranges::all_of(after.label_scores, [](float v) { return v >= 0 && v <= 1.01f; }));
}

TEST(Refinement, DoesNotDependOnThreads) {
  const Halves halves(2);
  Image picture(40, 90);
  for (std::size_t i = 0; i < picture.rgb.size(); ++i)
    picture.rgb[i] = static_cast<std::uint8_t>(i * 7 % 251);
  HeadOptions options = plain(3);
  options.guide = &picture;
  ThreadPool one(1), three(3);
  EXPECT_EQ(SegmentationHead(one).run({&halves.view, 1}, 80, 180, options).labels,
            SegmentationHead(three).run({&halves.view, 1}, 80, 180, options).labels);
}

TEST(Refinement, OfALargePictureUsesASmallerOne) {
  ThreadPool pool(1);
  const Image guide = refinement_guide(Image(1536, 3072), pool);
  EXPECT_EQ(guide.width, 768);
  EXPECT_EQ(guide.height, 384);
  EXPECT_EQ(refinement_guide(Image(10, 20), pool).width, 20);
}

}  // namespace
}  // namespace san
