// The rule of docs/network.md §8 stands twice: in the engine's segmentation head and, on tensors, in
// training.
#include "train/labelling.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "labels/segmentation_head.h"

namespace san {
namespace {

struct Sizes {
  int batch, queries, classes;
  Grid grid, padded, content, output;
};

Prediction random_prediction(const Sizes& s, float largest) {
  std::mt19937 random(7);
  std::uniform_real_distribution<float> logit(-largest, largest);
  const auto filled = [&](const at::Tensor& t) {
    std::generate_n(t.data_ptr<float>(), t.numel(), [&] { return logit(random); });
    return t;
  };
  return {filled(at::empty({s.batch, s.queries, s.classes + 1})),
          filled(at::empty({s.batch, s.queries, s.grid.height, s.grid.width}))};
}

HeadView view_of(const Prediction& p, const Sizes& s, int image) {
  HeadView view;
  const at::Tensor classes = p.class_logits[image], masks = p.mask_logits[image];
  view.class_logits = {classes.data_ptr<float>(), static_cast<std::size_t>(classes.numel())};
  view.mask_logits = {masks.data_ptr<float>(), static_cast<std::size_t>(masks.numel())};
  view.queries = s.queries;
  view.grid_height = static_cast<int>(s.grid.height), view.grid_width = static_cast<int>(s.grid.width);
  view.padded_height = static_cast<int>(s.padded.height),
  view.padded_width = static_cast<int>(s.padded.width);
  view.content_height = static_cast<int>(s.content.height);
  view.content_width = static_cast<int>(s.content.width);
  return view;
}

/// Training's labels of every image are a best class by the engine's scores, within `bound`; and the engine's
/// own wherever its second class is further behind.
void expect_alike(const Prediction& p, const Sizes& s, float bound) {
  const at::Tensor found = segment(p, s.padded, s.content, s.output);
  ASSERT_EQ(found.sizes(), (std::vector<std::int64_t>{s.batch, s.output.height, s.output.width}));
  ThreadPool pool(1);
  SegmentationHead head(pool);
  HeadOptions options;
  options.classes = s.classes;
  std::vector<int> all(static_cast<std::size_t>(s.classes));
  std::iota(all.begin(), all.end(), 0);
  const int height = static_cast<int>(s.output.height), width = static_cast<int>(s.output.width);
  const auto pixels = static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
  for (int image = 0; image < s.batch; ++image) {
    const HeadView view = view_of(p, s, image);
    const std::vector<float> scores = head.class_scores({&view, 1}, height, width, options, all);
    const LabelMap engine = head.run({&view, 1}, height, width, options).labels;
    const std::int32_t* training = found[image].data_ptr<std::int32_t>();
    for (std::size_t i = 0; i < pixels; ++i) {
      const auto score = [&](int k) { return scores[static_cast<std::size_t>(k) * pixels + i]; };
      ASSERT_GE(training[i], 0);
      ASSERT_LT(training[i], s.classes);
      ASSERT_GE(score(training[i]), score(static_cast<int>(engine.labels[i])) - bound)
          << "image " << image << ", pixel " << i;
      const bool certain = std::ranges::none_of(all, [&](int k) {
        return static_cast<Label>(k) != engine.labels[i] &&
               score(k) >= score(static_cast<int>(engine.labels[i])) - bound;
      });
      if (certain) {
        ASSERT_EQ(training[i], engine.labels[i]) << "image " << image << ", pixel " << i;
      }
    }
  }
}

/// How far apart two float32 computations of a score may be. A logit of up to `largest` is a mean of mean of
/// cells: 8 roundings, of which a sigmoid's slope of at most 1/4 passes on a quarter; softmax, sigmoid and
/// their product add 6. The sum over queries, of at most `queries`, rounds once a term. Twice, as both are
/// off.
float bound_of(const Sizes& s, float largest) {
  constexpr float kRounding = std::numeric_limits<float>::epsilon() / 2;
  const auto queries = static_cast<float>(s.queries);
  return 2 * kRounding * queries * (8 * largest / 4 + 6 + queries);
}

TEST(Labelling, IsTheEnginesOnQueriesOfABatch) {
  const Sizes sizes{2, 10, 7, {6, 8}, {24, 32}, {20, 27}, {41, 53}};
  expect_alike(random_prediction(sizes, 4), sizes, bound_of(sizes, 4));
}

TEST(Labelling, IsTheEnginesOnMoreQueriesThanItsKernelsTakeAtOnce) {
  const Sizes sizes{1, 130, 70, {5, 5}, {32, 32}, {32, 30}, {16, 15}};
  expect_alike(random_prediction(sizes, 8), sizes, bound_of(sizes, 8));
}

TEST(Labelling, IsTheEnginesOnOneClass) {
  const Sizes sizes{1, 3, 1, {4, 4}, {16, 16}, {16, 16}, {16, 16}};
  expect_alike(random_prediction(sizes, 4), sizes, 0);
}

TEST(Labelling, IsTheEnginesWhereNoObjectWouldWin) {
  const Sizes sizes{1, 4, 3, {4, 6}, {16, 24}, {13, 24}, {26, 48}};
  const Prediction p = random_prediction(sizes, 4);
  p.class_logits.select(2, sizes.classes).fill_(6);
  expect_alike(p, sizes, bound_of(sizes, 6));
}

// One query: a score is one product, so that equal logits give equal scores to the bit.
TEST(Labelling, TakesTheFirstOfEqualClassesAsTheEngineDoes) {
  const Sizes sizes{1, 1, 4, {3, 3}, {12, 12}, {12, 12}, {12, 12}};
  Prediction p = random_prediction(sizes, 4);
  p.class_logits = at::tensor({-1.0f, 2.0f, 0.5f, 2.0f, 5.0f}).view({1, 1, 5});
  expect_alike(p, sizes, 0);
  EXPECT_TRUE(segment(p, sizes.padded, sizes.content, sizes.output).eq(1).all().item<bool>());
}

}  // namespace
}  // namespace san
