#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "base/random.h"
#include "temporal/query_clusters.h"
#include "temporal/query_memory.h"

namespace san {
namespace {

constexpr int kQueries = 6, kSide = 4, kChannels = 16;

/// Query q covers a few cells of its own; embeddings are random directions.
std::shared_ptr<MaskFeatures> frame(std::uint64_t seed) {
  auto f = std::make_shared<MaskFeatures>();
  Rng rng(seed);
  f->height = f->width = 32;
  f->view.queries = kQueries;
  f->view.grid_height = f->view.grid_width = kSide;
  f->view.padded_height = f->view.padded_width = f->view.content_height = f->view.content_width = 32;
  f->masks.assign(kQueries * kSide * kSide, -4.0f);
  for (int q = 0; q < kQueries; ++q)
    for (int i = 0; i < 3; ++i) f->masks[static_cast<std::size_t>(q * kSide * kSide + (2 * q + i))] = 4.0f;
  for (int q = 0; q < kQueries; ++q) {
    std::vector<float> e(kChannels);
    float sum = 0;
    for (float& v : e) v = rng.normal(), sum += v * v;
    for (const float v : e) f->embeddings.push_back(v / std::sqrt(sum));
  }
  f->view.mask_logits = f->masks;
  return f;
}

/// The same frame with its queries in another order.
std::shared_ptr<MaskFeatures> turned(const MaskFeatures& from, int by) {
  auto f = frame(0);
  for (int q = 0; q < kQueries; ++q) {
    const int to = (q + by) % kQueries;
    std::copy_n(&from.masks[static_cast<std::size_t>(q * kSide * kSide)], kSide * kSide,
                &f->masks[static_cast<std::size_t>(to * kSide * kSide)]);
    std::copy_n(&from.embeddings[static_cast<std::size_t>(q * kChannels)], kChannels,
                &f->embeddings[static_cast<std::size_t>(to * kChannels)]);
  }
  f->view.mask_logits = f->masks;
  return f;
}

const MaskFeatures& masks_of(const std::shared_ptr<const Features>& f) {
  return static_cast<const MaskFeatures&>(*f);
}

void add_noise(MaskFeatures& f, std::uint64_t seed, float amount) {
  Rng rng(seed);
  for (float& v : f.embeddings) v += amount * rng.normal();
}

double distance(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::pow(static_cast<double>(a[i] - b[i]), 2);
  return std::sqrt(sum);
}

TEST(QueryMatch, FindsTheSameInAnotherOrder) {
  const auto a = frame(1);
  const auto matches = QueryMatcher().run(*a, *turned(*a, 2), 0.5f);
  for (int q = 0; q < kQueries; ++q) {
    EXPECT_EQ(matches[static_cast<std::size_t>((q + 2) % kQueries)].before, q);
    EXPECT_NEAR(matches[static_cast<std::size_t>(q)].overlap, 1, 1e-5) << "rounding of sums";
  }
}

TEST(QueryMatch, IsOneToOne) {
  const auto a = frame(1);
  auto b = turned(*a, 0);
  std::copy_n(&a->masks[0], kSide * kSide, &b->masks[kSide * kSide]);  // query 1 now looks like query 0
  std::copy_n(&a->embeddings[0], kChannels, &b->embeddings[kChannels]);
  const auto matches = QueryMatcher().run(*a, *b, 0.5f);
  EXPECT_EQ(matches[0].before, 0);
  EXPECT_NE(matches[1].before, 0);
}

TEST(QueryMemory, AStillStreamStaysAsItIs) {
  QueryMemory memory({.decay = 0.8f, .mask_decay = 0.5f});
  const auto still = frame(3);
  for (int t = 0; t < 20; ++t) {
    const auto steady = memory.next(still);
    EXPECT_EQ(memory.began_scene(), t == 0);
    for (std::size_t i = 0; i < still->embeddings.size(); ++i)
      ASSERT_NEAR(masks_of(steady).embeddings[i], still->embeddings[i], 1e-5)
          << "rounding of twenty averages";
    for (std::size_t i = 0; i < still->masks.size(); ++i)
      ASSERT_NEAR(masks_of(steady).masks[i], still->masks[i], 1e-4);
  }
}

TEST(QueryMemory, NoiseIsAveragedAlsoWhenQueriesChangePlaces) {
  QueryMemory memory({.decay = 0.9f});
  const auto truth = frame(4);
  double raw = 0, steady = 0;
  for (int t = 0; t < 30; ++t) {
    const int by = t % kQueries;
    auto noisy = turned(*truth, by);
    add_noise(*noisy, 100 + static_cast<std::uint64_t>(t), 0.08f);
    const auto result = memory.next(noisy);
    if (t < 15) continue;
    raw += distance(noisy->embeddings, turned(*truth, by)->embeddings);
    steady += distance(masks_of(result).embeddings, turned(*truth, by)->embeddings);
  }
  // The noise of an average with decay d is that of one frame times sqrt((1 − d) / (1 + d)) = 0.23.
  EXPECT_LT(steady, 0.35 * raw);
}

TEST(QueryMemory, ACutForgets) {
  QueryMemory memory({.decay = 0.9f});
  memory.next(frame(5));
  auto other = frame(6);
  for (std::size_t i = 0; i < other->masks.size(); ++i) other->masks[i] = i % 7 == 3 ? 4.0f : -4.0f;
  const auto after = memory.next(other);
  EXPECT_TRUE(memory.began_scene());
  EXPECT_EQ(masks_of(after).embeddings, other->embeddings);
  memory.next(other);
  EXPECT_FALSE(memory.began_scene());
}

TEST(QueryMemory, AnotherSizeBeginsAnew) {
  QueryMemory memory({});
  memory.next(frame(5));
  auto other = frame(5);
  other->height = 64;
  EXPECT_EQ(masks_of(memory.next(other)).embeddings, other->embeddings);
  EXPECT_TRUE(memory.began_scene());
}

TEST(QueryMemory, RefusesWhatItCannotMatch) {
  struct Grids : Features {
    std::size_t bytes() const override { return 0; }
  };
  QueryMemory memory({});
  EXPECT_THROW(memory.next(std::make_shared<Grids>()), Error);
  EXPECT_THROW(QueryMemory({.decay = 1.5f}), Error);
}

TEST(QueryClusters, MeansOfAWholeClip) {
  QueryClusters clusters({.alike = 0.7f, .share = 1.0f});
  const auto truth = frame(7);
  std::vector<std::shared_ptr<MaskFeatures>> clip;
  for (int t = 0; t < 30; ++t) {
    clip.push_back(turned(*truth, t % kQueries));
    add_noise(*clip.back(), 200 + static_cast<std::uint64_t>(t), 0.08f);
    clusters.add(*clip.back());
  }
  EXPECT_EQ(clusters.clusters(), static_cast<std::size_t>(kQueries));
  double raw = 0, steady = 0;
  for (int t = 0; t < 30; ++t) {
    const auto own = turned(*truth, t % kQueries);
    raw += distance(clip[static_cast<std::size_t>(t)]->embeddings, own->embeddings);
    steady +=
        distance(masks_of(clusters.steady(*clip[static_cast<std::size_t>(t)])).embeddings, own->embeddings);
  }
  EXPECT_LT(steady, 0.3 * raw) << "the mean of 30 has 1/√30 of the noise";
  EXPECT_THROW(clusters.add(*truth), Error);
}

TEST(QueryClusters, AStillClipStaysAsItIs) {
  // Whatever counts as alike: queries of one frame never share a cluster.
  QueryClusters clusters({.alike = 0.1f, .share = 1.0f});
  const auto still = frame(8);
  for (int t = 0; t < 10; ++t) clusters.add(*still);
  const auto steady = clusters.steady(*still);
  for (std::size_t i = 0; i < still->embeddings.size(); ++i)
    EXPECT_NEAR(masks_of(steady).embeddings[i], still->embeddings[i], 1e-5);
}

}  // namespace
}  // namespace san
