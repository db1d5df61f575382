#include "base/error.h"
#include "commands.h"
#include "train/segmentation_task.h"
#include "train/world_source.h"
#include "train_arguments.h"

namespace san::cli {
namespace {

void run(const TrainArguments& arguments) {
  const Recipe recipe = arguments.recipe();
  const Ranks ranks = arguments.ranks();
  const auto communicator = arguments.communicator(recipe, ranks);
  require(recipe.data.train == "demo-world", "DATASETS.TRAIN is '{}'; expected demo-world",
          recipe.data.train);
  const auto world = load_world(recipe);
  SegmentationTask task(recipe, world_samples(world, recipe.data.size, recipe.seed),
                        world_evaluation(world, EvalSplit::kMixed, recipe.data.size),
                        arguments.torch(recipe, ranks), communicator);
  const InterruptGuard guard;
  Trainer(task, recipe.run, recipe.optimizer, recipe.schedule, communicator.get()).run(guard.flag());
}

}  // namespace

void add_train(CLI::App& app) {
  auto* command = app.add_subcommand("train", "Train a side adapter (and what else the recipe names)");
  const auto arguments = std::make_shared<TrainArguments>();
  command->add_option("--config", arguments->config, "Recipe, such as configs/demo-world.yaml")->required();
  arguments->add_to(*command);
  command->callback([arguments] { run(*arguments); });
}

}  // namespace san::cli
