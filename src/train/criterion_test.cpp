#include "train/criterion.h"

#include <gtest/gtest.h>

#include "backend/torch/torch_parameters.h"
#include "base/error.h"
#include "base/labels.h"
#include "checkpoint/safetensors.h"
#include "train/golden_points.h"

namespace san {
namespace {

struct Golden {
  std::shared_ptr<SafetensorsFile> file =
      SafetensorsFile::open(SAN_SOURCE_DIR "/tests/data/train/criterion_tiny.safetensors");

  at::Tensor operator[](const std::string& name) const { return tensor_of(file->load(name)); }
  double scalar(const std::string& name) const { return (*this)[name].item().toDouble(); }

  Prediction prediction(const std::string& depth) const {
    return {(*this)["out/" + depth + ".pred_logits"].requires_grad_(),
            (*this)["out/" + depth + ".pred_masks"].requires_grad_()};
  }
  Targets targets() const { return golden_targets(*file); }
};

CriterionOptions tiny_options() {
  CriterionOptions o;
  o.points = 128;
  return o;
}

class CriterionGolden : public ::testing::Test {
 protected:
  CriterionGolden() : points(0) {
    const Targets targets = golden.targets();
    losses = criterion({golden.prediction("aux0"), golden.prediction("final")}, targets, tiny_options(),
                       local_normalizers(targets, 10, tiny_options()), points, true);
  }
  Golden golden;
  GoldenPoints points;
  Losses losses;
};

TEST_F(CriterionGolden, CostsAndAssignments) {
  const char* depths[] = {"final", "aux0"};
  for (std::size_t depth = 0; depth < 2; ++depth)
    for (std::size_t image = 0; image < 2; ++image) {
      const std::string key = fmt::format("match/{}.image{}.", depths[depth], image);
      const at::Tensor expected = golden[key + "cost"];
      // The file's own float32 noise is 3e-5 at an rms of 10.
      EXPECT_LT((losses.matchings[depth].cost[image] - expected).abs().max().item<float>(), 1e-4f) << key;
      const at::Tensor query = golden[key + "query"], target = golden[key + "target"];
      const auto& pairs = losses.matchings[depth].query_and_target[image];
      ASSERT_EQ(static_cast<std::int64_t>(pairs.size()), query.numel()) << key;
      for (std::size_t i = 0; i < pairs.size(); ++i) {
        EXPECT_EQ(pairs[i].first, query[static_cast<std::int64_t>(i)].item<std::int64_t>()) << key;
        EXPECT_EQ(pairs[i].second, target[static_cast<std::int64_t>(i)].item<std::int64_t>()) << key;
      }
    }
}

TEST_F(CriterionGolden, PointsOfTheMaskLosses) {
  // The same points in the same order; equal uncertainties could swap, here there are none.
  EXPECT_TRUE(at::equal(losses.matchings[0].points, golden["points/final"]));
  EXPECT_TRUE(at::equal(losses.matchings[1].points, golden["points/aux0"]));
}

TEST_F(CriterionGolden, EveryLossTerm) {
  ASSERT_EQ(losses.terms.size(), 6u);
  for (const auto& [name, value] : losses.terms) {
    const double expected = golden.scalar("loss_unweighted/" + name);
    EXPECT_NEAR(value.item().toDouble(), expected, 1e-5 * std::max(1.0, expected)) << name;
  }
  EXPECT_NEAR(losses.total.item().toDouble(), golden.scalar("loss_total"), 5e-4);
}

TEST(Criterion, MasksNeedNoMaterialising) {
  at::manual_seed(2);
  const at::Tensor labels = at::randint(0, 4, {2, 7, 9}, at::kLong);
  const at::Tensor classes = at::tensor({1, 3, 2, -1}, at::kLong).view({2, 2});
  const at::Tensor points = at::rand({2, 50, 2});
  const at::Tensor masks = (labels.unsqueeze(1) == classes.view({2, 2, 1, 1})).to(at::kFloat);
  EXPECT_TRUE(
      at::allclose(sample_class_masks(labels, classes, points), sample_points(masks, points), 0, 1e-5));
}

TEST(Criterion, AnEmptyImageTeachesOnlyNoObject) {
  at::manual_seed(4);
  Prediction p{at::randn({2, 6, 4}).requires_grad_(), at::randn({2, 6, 5, 5}).requires_grad_()};
  const Targets none{at::full({2, 10, 10}, -1, at::kInt), {{}, {}}};
  SeededPoints points(at::kCPU, 1, 0);
  const Losses losses = criterion({p}, none, tiny_options(), {}, points);
  EXPECT_EQ(losses.terms[1].second.item().toDouble(), 0);
  losses.total.backward();
  EXPECT_GT(p.class_logits.grad().abs().sum().item<float>(), 0);
  EXPECT_EQ(p.mask_logits.grad().abs().sum().item<float>(), 0);
}

TEST(Criterion, MoreTargetsThanQueries) {
  at::manual_seed(4);
  const Prediction p{at::randn({1, 2, 6}), at::randn({1, 2, 5, 5})};
  const Targets targets{at::randint(0, 5, {1, 10, 10}, at::kLong), {{0, 1, 2, 3, 4}}};
  SeededPoints points(at::kCPU, 1, 0);
  const Losses losses = criterion({p}, targets, tiny_options(), {}, points, true);
  EXPECT_EQ(losses.matchings[0].query_and_target[0].size(), 2u);
  EXPECT_TRUE(losses.total.isfinite().item<bool>());
}

TEST(SeededPoints, DependOnSeedStepAndPlaceInTheGlobalBatch) {
  const auto draw = [](std::uint64_t seed, std::int64_t step, std::int64_t first,
                       std::vector<std::int64_t> images, PointUse use = PointUse::kMatching, int output = 0) {
    return SeededPoints(at::kCPU, seed, step, first).draw(use, output, images, 9);
  };
  const at::Tensor both = draw(5, 3, 0, {0, 1, 1});
  EXPECT_TRUE(at::equal(both.slice(0, 1, 3), draw(5, 3, 1, {0, 0})));  // image 1 alone, in another process
  EXPECT_FALSE(at::equal(both[1], both[2]));
  EXPECT_FALSE(at::equal(both, draw(6, 3, 0, {0, 1, 1})));
  EXPECT_FALSE(at::equal(both, draw(5, 4, 0, {0, 1, 1})));
  EXPECT_FALSE(at::equal(both, draw(5, 3, 0, {0, 1, 1}, PointUse::kRandom)));
  EXPECT_FALSE(at::equal(both, draw(5, 3, 0, {0, 1, 1}, PointUse::kMatching, 1)));
  EXPECT_NEAR(draw(1, 1, 0, std::vector<std::int64_t>(300, 0)).mean().item<float>(), 0.5f,
              0.02f);  // 5400 draws
}

TEST(SeededPoints, OpsAndLoopDrawTheSame) {
  const std::vector<std::uint64_t> keys{0, 1, 0xffffffffffffffffull, 0x9e3779b97f4a7c15ull};
  EXPECT_TRUE(
      at::equal(uniform_from_keys(keys, 100, at::kCPU), uniform_from_keys_by_ops(keys, 100, at::kCPU)));
}

TEST(ClassesPresent, ListsThemOnceWithoutTheIgnored) {
  const std::vector<Label> labels{7, kNoLabel, 3, 7, 3, 300};
  EXPECT_EQ(classes_present(labels, kNoLabel), (std::vector<std::int64_t>{3, 7, 300}));
}

}  // namespace
}  // namespace san
