#include "train/fine_tuning.h"

#include <gtest/gtest.h>

#include <regex>

#include "base/error.h"
#include "base/input_file.h"
#include "train/run_plan.h"

namespace san {
namespace {

SanConfig small() {
  SanConfig c = SanConfig::tiny();
  c.short_side = 256, c.long_side = 1024;
  return c;
}

Recipe recipe_for(const SanConfig& config, const ModelMetadata& metadata = {}, bool quick = false) {
  return parse_recipe(fine_tuning_yaml(config, metadata, quick), "the test");
}

TEST(FineTuning, FollowsTheModelsInputSize) {
  const Recipe r = recipe_for(small());
  EXPECT_EQ(r.input.crop, 256);
  EXPECT_EQ(r.input.min_size.front(), 128);
  EXPECT_EQ(r.input.min_size.back(), 384);
  EXPECT_EQ(r.input.max_size, 1024);
  EXPECT_EQ(r.loss.points, 2007) << "as dense as 112² on 640²";
}

TEST(FineTuning, OfTheOfficialNetworkIsTheOfficialRecipe) {
  const Recipe r = recipe_for(SanConfig::vit_b_16());
  const Recipe official = parse_recipe("{}", "the test");
  EXPECT_EQ(r.input.crop, official.input.crop);
  EXPECT_EQ(r.input.min_size, official.input.min_size);
  EXPECT_EQ(r.input.max_size, official.input.max_size);
  EXPECT_EQ(r.loss.points, official.loss.points);
  EXPECT_EQ(r.model.trainable, official.model.trainable);
}

TEST(FineTuning, TakesRatesAndPartsFromAModelThatSaysThem) {
  Recipe trained = parse_recipe(
      "{SOLVER: {BASE_LR: 7.0e-4, CLIP_GRADIENTS: 0.5}, MODEL: {TRAINABLE: [adapter]}}", "the test");
  ModelMetadata metadata;
  metadata.extra["fine_tuning"] = fine_tuning_facts(trained);
  const Recipe r = recipe_for(small(), metadata);
  EXPECT_DOUBLE_EQ(r.optimizer.lr, 7e-4);
  EXPECT_DOUBLE_EQ(r.optimizer.clip_norm, 0.5);
  EXPECT_EQ(r.model.trainable, std::vector<std::string>{"adapter"});
  metadata.extra["fine_tuning"] = "{damaged";
  EXPECT_THROW((void)fine_tuning_yaml(small(), metadata, false), Error);
}

TEST(FineTuning, QuickEndsInTimeAndShowsSmallerPictures) {
  const Recipe r = recipe_for(small(), {}, true);
  EXPECT_GT(r.run.minutes, 0);
  EXPECT_LT(r.run.minutes, 15) << "with loading and measuring a quarter of an hour is promised";
  EXPECT_EQ(r.input.crop, 160);
  EXPECT_EQ(r.input.min_size.back(), 256) << "nothing larger than the model will see";
}

// The recipe to copy is what happens without one; what its comments call --quick's is that option's.
TEST(FineTuning, WrittenOutIsTheFileToCopy) {
  const std::string file(read_file(SAN_SOURCE_DIR "/configs/fine-tuning.yaml").text());
  const ModelMetadata built_in =
      *open_model_file(SAN_SOURCE_DIR "/models/default/model.safetensors").metadata;
  const SanConfig config = SanConfig::from_json(built_in.config, "the built-in model");
  const auto expected = [&](bool quick) {
    return parse_recipe(fine_tuning_yaml(config, built_in, quick), "the test",
                        {"MODEL.INIT=default", "DATASETS.IMAGES=pets/images", "DATASETS.LABELS=pets/labels",
                         "DATASETS.CLASSES_FILE=pets/classes.txt"})
        .json;
  };
  EXPECT_EQ(parse_recipe(file, "the file").json, expected(false));
  const std::regex changed(R"((\n +\w+: ).*# --quick: (.*))"), added(R"((\n +)# (\w+: .*)# --quick.*)");
  const std::string quick = std::regex_replace(std::regex_replace(file, changed, "$1$2"), added, "$1$2");
  EXPECT_EQ(parse_recipe(quick, "the file, quick").json, expected(true));
}

TEST(RunPlan, SplitsABatchUntilItFits) {
  Recipe r = recipe_for(small());
  r.batch = 8, r.input.crop = 96;
  const auto bytes = [&](int pictures) { return training_bytes(r, small(), 96, 5, pictures); };
  EXPECT_GT(bytes(8), bytes(4));
  EXPECT_EQ(plan_run(r, small(), 96, 5, {}).micro_batch, 8) << "nothing limits it";
  // Seven tenths of what there is may be used.
  const RunPlan p = plan_run(r, small(), 96, 5, {bytes(4) / 7 * 10 + 100, 0});
  EXPECT_EQ(p.micro_batch, 4);
  EXPECT_EQ(p.bytes, bytes(4));
  EXPECT_EQ(plan_run(r, small(), 96, 5, {1, 0}).micro_batch, 1) << "a picture cannot be split";
  const std::int64_t macs = p.macs_per_step / 8;
  EXPECT_EQ(plan_run(r, small(), 96, 5, {0, 2 * macs}).micro_batch, 2) << "longer parts do not hear Ctrl-C";
  r.micro_batch = 8;
  EXPECT_EQ(plan_run(r, small(), 96, 5, {1, 1}).micro_batch, 8) << "the user said so";
}

TEST(RunPlan, FrozenPartsKeepNothingForTheBackwardPass) {
  Recipe all = recipe_for(small()), adapter = all;
  adapter.model.trainable = {"adapter"};
  EXPECT_LT(training_bytes(adapter, small(), 96, 5, 4), training_bytes(all, small(), 96, 5, 4));
}

}  // namespace
}  // namespace san
