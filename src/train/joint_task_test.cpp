#include "train/joint_task.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/error.h"
#include "train/pretrain_task.h"
#include "train/segmentation_task.h"
#include "train/tiny_start_model.h"
#include "train/world_source.h"

namespace san {
namespace {

class Joint : public ::testing::Test {
 protected:
  Joint() : start_(std::filesystem::temp_directory_path() / fmt::format("san_joint_{}", ::getpid())) {
    test::write_tiny_start_model(start_, {"ground", "grounds", "green", "greens"});
    recipe_ = parse_recipe(fmt::format(R"(
MODEL: {{INIT: {}, TRAINABLE: [adapter, background, position, clip_vision]}}
SOLVER: {{IMS_PER_BATCH: 2, MAX_ITER: 4}}
LOSS: {{TRAIN_NUM_POINTS: 64}}
INPUT: {{SIZE: 96}}
CONTRAST: {{WEIGHT: 0.5, IMS_PER_BATCH: 6, SIZE: 32}}
DATALOADER: {{NUM_WORKERS: 1}}
DATASETS: {{TRAIN: demo-world, CONCEPTS: {}/configs/world/demo.tsv, PICTURES: [{}/configs/world/pack.pictures]}}
)",
                                       start_.string(), SAN_SOURCE_DIR, SAN_SOURCE_DIR),
                           "the test");
    world_ = load_world(recipe_);
  }
  ~Joint() override { std::filesystem::remove(start_); }

  std::shared_ptr<TrainingTask> masks() const {
    return std::make_shared<SegmentationTask>(recipe_, world_samples(world_, recipe_), nullptr,
                                              TorchOptions{"cpu", Precision::kF32, true});
  }
  std::shared_ptr<TrainingTask> pairs(const std::shared_ptr<TrainingTask>& beside) const {
    Recipe recipe = recipe_;
    recipe.batch = recipe_.contrast.batch, recipe.data.size = recipe_.contrast.size;
    return std::make_shared<PretrainTask>(recipe, world_,
                                          std::shared_ptr<TorchBackend>(beside, &beside->backend()),
                                          recipe_.model.trainable, std::make_shared<Communicator>());
  }
  JointTask joint() const {
    const auto first = masks();
    return {first, pairs(first), recipe_.contrast.weight, "contrast"};
  }

  std::filesystem::path start_;
  Recipe recipe_;
  std::shared_ptr<const World> world_;
};

TEST_F(Joint, AddsTheWeightedLossOnTheSameParameters) {
  JointTask task = joint();
  const auto alone = masks();
  task.start(""), alone->start("");
  task.fetch(0), alone->fetch(0);
  const StepLoss both = task.loss(0, 0), one = alone->loss(0, 0);
  double contrast = 0;
  for (const auto& [name, value] : both.terms)
    if (name == "loss_contrast") contrast = value.item<double>();
  EXPECT_GT(contrast, 0.5) << "six pairs and untrained towers: about ln 6";
  EXPECT_NEAR(both.total.item<double>(), one.total.item<double>() + 0.5 * contrast, 1e-4);  // float32 sums

  both.total.backward(), one.total.backward();
  const TorchParameters& parameters = *task.backend().parameters();
  const char* shared = "clip_visual_extractor.positional_embedding";
  EXPECT_FALSE(at::allclose(parameters[shared].grad(), (*alone->backend().parameters())[shared].grad()));
  for (const std::string& name : parameters.trainable_names())
    EXPECT_TRUE(!name.starts_with("ov_classifier.") || name == "ov_classifier.bg_embed")
        << name << " is frozen";
}

TEST_F(Joint, GoesOnWhereBothStreamsStood) {
  JointTask task = joint();
  task.start("");
  task.fetch(0), task.fetch(0);
  const std::string stream = task.stream_state();
  task.fetch(0);
  const float expected = task.loss(2, 0).total.item<float>();
  JointTask resumed = joint();
  resumed.start(stream);
  resumed.fetch(0);
  EXPECT_EQ(resumed.loss(2, 0).total.item<float>(), expected);
}

// A batch computed picture by picture is the same batch: losses are divided by the whole one's masks, and
// random points belong to the picture.
TEST_F(Joint, PartsAddUpToTheBatch) {
  JointTask whole = joint();
  recipe_.micro_batch = 1;
  JointTask split = joint();
  ASSERT_EQ(split.parts(), 2);
  whole.start(""), split.start("");
  whole.fetch(0), split.fetch(0);
  const StepLoss all = whole.loss(0, 0), first = split.loss(0, 0), second = split.loss(0, 1);
  // float32 sums in another order.
  EXPECT_NEAR(first.total.item<double>() + second.total.item<double>(), all.total.item<double>(), 1e-4);
  all.total.backward(), first.total.backward(), second.total.backward();
  const TorchParameters& a = *whole.backend().parameters();
  const TorchParameters& b = *split.backend().parameters();
  for (const std::string& name : a.trainable_names())
    EXPECT_LT((a[name].grad() - b[name].grad()).norm().item<double>(),
              1e-4 * a[name].grad().norm().item<double>() + 1e-7)
        << name;
}

TEST_F(Joint, RefusesTasksOfTwoBackends) {
  EXPECT_THROW(JointTask(masks(), pairs(masks()), 1, "contrast"), Error);
}

TEST_F(Joint, RecipeIsChecked) {
  EXPECT_THROW(parse_recipe("CONTRAST: {WEIGHT: -1}", "the test"), Error);
  EXPECT_THROW(parse_recipe("CONTRAST: {IMS_PER_BATCH: 1}", "the test"), Error);
}

}  // namespace
}  // namespace san
