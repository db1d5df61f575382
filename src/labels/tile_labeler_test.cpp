#include "labels/tile_labeler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "labels/head_options_for_tests.h"

namespace san::head {
namespace {

TEST(Wager, CostsLittleWhereItNeverPays) {
  Wager wager;
  int accepted = 0;
  for (int i = 0; i < 10'000; ++i)
    if (wager.accept()) ++accepted, wager.settle(-1.0f);
  // Once in 129, after the pauses have grown.
  EXPECT_LT(accepted, 10'000 / 100);
}

TEST(Wager, ComesBackWhereItPaysAgain) {
  Wager wager;
  for (int i = 0; i < 1'000; ++i)
    if (wager.accept()) wager.settle(-1.0f);
  int accepted = 0;
  for (int i = 0; i < 1'000; ++i)
    if (wager.accept()) ++accepted, wager.settle(10.0f);
  EXPECT_GT(accepted, 1'000 - 129);
}

struct Network {
  Network(int queries, int classes) {
    std::mt19937 random(3);
    std::normal_distribution<float> normal;
    for (int i = 0; i < queries * (classes + 1); ++i) class_logits.push_back(2.0f * normal(random));
    mask_logits.assign(static_cast<std::size_t>(queries), 0.0f);
    view = {class_logits, mask_logits, queries, 1, 1, 16, 16, 16, 16};
  }
  std::vector<float> class_logits, mask_logits;
  HeadView view;
};

TEST(ClassTree, HoldsEveryClassOnceAndNoHigherThanItsLeaf) {
  ThreadPool pool(2);
  for (const int count : {1, 16, 65, 300, 2'000}) {
    const Network network(11, count);
    const HeadOptions options = test::plain(count);
    const ClassTree tree(std::span(&network.view, 1), options, true, pool);
    const auto expected = class_probabilities(network.class_logits, 11, options, pool);
    std::vector<std::int32_t> seen(tree.classes().begin(), tree.classes().end());
    std::erase(seen, -1);
    std::sort(seen.begin(), seen.end());
    const std::vector<int> all = test::up_to(count + 1);
    EXPECT_EQ(seen, (std::vector<std::int32_t>(all.begin(), all.end()))) << count;
    const Segment leaves = tree.leaf_segment(0), branches = tree.branch_segment(0);
    for (std::size_t place = 0; place < tree.classes().size(); ++place) {
      const std::int32_t k = tree.classes()[place];
      const std::size_t leaf = place / kPanel;
      const bool listed = (tree.all_classes()[leaf].mask >> place % kPanel & 1) != 0;
      EXPECT_EQ(listed, k >= 0);
      for (std::size_t q = 0; q < 11; ++q) {
        const float p = leaves.panels[leaf * leaves.panel_stride + q * kPanel + place % kPanel];
        EXPECT_EQ(p, k < 0 ? 0.0f
                           : expected[q * static_cast<std::size_t>(count + 1) + static_cast<std::size_t>(k)]);
        EXPECT_LE(p, branches.panels[leaf / kPanel * branches.panel_stride + q * kPanel + leaf % kPanel]);
      }
    }
  }
}

TEST(ClassTree, PutsClassesThatAreAlikeTogether) {
  // Sixteen copies of each of sixty-four classes, shuffled: copies end up in one leaf.
  constexpr int kKinds = 64, kCopies = 16, kCount = kKinds * kCopies;
  ThreadPool pool(1);
  const Network kinds(20, kKinds);
  std::vector<int> kind(kCount);
  for (int k = 0; k < kCount; ++k) kind[static_cast<std::size_t>(k)] = k % kKinds;
  std::shuffle(kind.begin(), kind.end(), std::mt19937(9));
  Network network(20, kCount);
  for (std::size_t q = 0; q < 20; ++q)
    for (std::size_t k = 0; k < kCount; ++k)
      network.class_logits[q * (kCount + 1) + k] =
          kinds.class_logits[q * (kKinds + 1) + static_cast<std::size_t>(kind[k])];
  const HeadOptions options = test::plain(kCount);
  const ClassTree tree(std::span(&network.view, 1), options, false, pool);
  int pure = 0;
  for (std::size_t leaf = 0; leaf < kKinds; ++leaf) {
    const std::int32_t* k = &tree.classes()[leaf * kPanel];
    pure += std::all_of(k, k + kPanel, [&](std::int32_t other) {
      return kind[static_cast<std::size_t>(other)] == kind[static_cast<std::size_t>(*k)];
    });
  }
  // Halves are cut where they are equal in number, through a kind now and then.
  EXPECT_GE(pure, kKinds * 3 / 4);
}

}  // namespace
}  // namespace san::head
