#include "train/recipe.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/test_error.h"

namespace san {
namespace {

TEST(Recipe, EveryShippedOneIsRead) {
  const std::filesystem::path configs = SAN_SOURCE_DIR "/configs";
  const std::filesystem::path recipes = SAN_SOURCE_DIR "/models/default/recipes";
  int count = 0;
  for (const auto& folder : {configs, configs / "ablations", recipes})
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.path().extension() != ".yaml") continue;
      EXPECT_NO_THROW((void)load_recipe(entry.path())) << entry.path();
      ++count;
    }
  EXPECT_GE(count, 15);
}

TEST(Recipe, NamesTheKeyItDoesNotKnow) {
  try {
    (void)parse_recipe("SOLVER: {BASE_RL: 1}", "mine.yaml");
    FAIL() << "a misspelt key went through";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("BASE_RL"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("mine.yaml"), std::string::npos) << e.what();
  }
}

TEST(Recipe, RefusesNumbersThatItWouldHaveToCut) {
  const std::pair<const char*, const char*> wrong[] = {
      {"SOLVER: {IMS_PER_BATCH: 1.5}", "SOLVER.IMS_PER_BATCH"},
      {"SOLVER: {IMS_PER_BATCH: 1e300}", "SOLVER.IMS_PER_BATCH"},
      {"SOLVER: {IMS_PER_BATCH: 4294967297}", "SOLVER.IMS_PER_BATCH"},
      {"SOLVER: {IMS_PER_BATCH: 2000000000}", "SOLVER.IMS_PER_BATCH must be 1 to 65536"},
      {"INPUT: {CROP_SIZE: -32}", "INPUT.CROP_SIZE"},
      {"INPUT: {MIN_SIZE_TRAIN: []}", "MIN_SIZE_TRAIN"},
      {"SEED: -1", "SEED"},
      {"DATASETS: {IMAGES: a}", "DATASETS.IMAGES needs CLASSES"}};
  for (const auto& [yaml, words] : wrong)
    EXPECT_NE(test::error_of([&] { (void)parse_recipe(yaml, "mine.yaml"); }).find(words), std::string::npos)
        << yaml;
}

TEST(Recipe, SaysHowManyObjectsAreHeld) {
  EXPECT_EQ(parse_recipe("INPUT: {OBJECTS: 12}", "mine.yaml").data.objects, 12);
  try {
    (void)parse_recipe("INPUT: {OBJECTS: 2}", "mine.yaml");
    FAIL() << "scenes of 3 to 2 objects went through";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("INPUT.OBJECTS is 2"), std::string::npos) << e.what();
  }
}

TEST(Recipe, OverridesReplaceSingleValues) {
  const Recipe r = load_recipe(SAN_SOURCE_DIR "/configs/coco-stuff-vit-b-16.yaml",
                               {"SOLVER.BASE_LR=3.0e-3", "LOSS.TRAIN_NUM_POINTS=7"});
  EXPECT_DOUBLE_EQ(r.optimizer.lr, 3e-3);
  EXPECT_EQ(r.loss.points, 7);
  EXPECT_DOUBLE_EQ(r.optimizer.weight_decay, 1e-4) << "the file's";
}

}  // namespace
}  // namespace san
