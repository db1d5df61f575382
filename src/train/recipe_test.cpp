#include "train/recipe.h"

#include <gtest/gtest.h>

#include "base/error.h"

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
