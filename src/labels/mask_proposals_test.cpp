#include "labels/mask_proposals.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"

namespace san {
namespace {

// Three queries on a 1x2 grid: left half, right half, nothing.
const std::vector<float> kMasks{4.0f, -4.0f, /**/ -2.0f, 2.0f, /**/ -1.0f, -1.0f};
const std::vector<float> kClasses{0.0f, 2.0f, 0.0f, /**/ 3.0f, 0.0f, 0.0f, /**/ 5.0f, 0.0f, 0.0f};
const HeadView kView{kClasses, kMasks, 3, 1, 2, 16, 32, 16, 32};

HeadOptions two_classes() {
  HeadOptions options;
  options.classes = 2;
  return options;
}

TEST(MaskProposals, EachQueryProposesItsMaskAndClass) {
  ThreadPool pool(2);
  const auto proposals = mask_proposals(kView, 16, 32, two_classes(), {}, pool);
  ASSERT_EQ(proposals.size(), 2u);
  const MaskProposal &left = proposals[0].query == 0 ? proposals[0] : proposals[1],
                     &right = proposals[0].query == 0 ? proposals[1] : proposals[0];
  EXPECT_GE(proposals[0].score(), proposals[1].score());
  EXPECT_EQ(left.class_index, 1);
  EXPECT_NEAR(left.class_score, std::exp(2.0) / (std::exp(2.0) + 2), 1e-6);
  EXPECT_EQ(right.class_index, 0);
  // The logits run linearly through 0 in the middle: 16 of 32 columns each.
  EXPECT_EQ(left.mask.counts, (std::vector<std::uint32_t>{0, 256, 256}));
  EXPECT_EQ(right.mask.counts, (std::vector<std::uint32_t>{256, 256}));
  double expected = 0.0;
  for (int x = 0; x < 16; ++x)
    expected += 1 / (1 + std::exp(-(4.0 - 8.0 * std::max(0.0, (x + 0.5) / 16 - 0.5)))) / 16;
  EXPECT_NEAR(left.mask_score, expected, 1e-5);
}

TEST(MaskProposals, FilterAndRefuse) {
  ThreadPool pool(1);
  EXPECT_EQ(mask_proposals(kView, 16, 32, two_classes(), {.min_class_score = 0.85f}, pool).size(), 1u);
  EXPECT_EQ(mask_proposals(kView, 16, 32, two_classes(), {.threshold = 0.1f}, pool).size(), 3u);
  EXPECT_THROW(mask_proposals(kView, 16, 32, two_classes(), {.threshold = 1.0f}, pool), Error);
  HeadView part = kView;
  part.region = {0, 0, 16, 16};
  EXPECT_THROW(mask_proposals(part, 16, 32, two_classes(), {}, pool), Error);
}

}  // namespace
}  // namespace san
