#include "base/error.h"
#include "commands.h"
#include "train/pretrain_task.h"
#include "train/world_source.h"
#include "train_arguments.h"

namespace san::cli {
namespace {

void run(const TrainArguments& arguments, const Program& program) {
  const Recipe recipe = arguments.recipe();
  const Ranks ranks = arguments.ranks();
  const auto communicator = arguments.communicator(recipe, ranks);
  PretrainTask task(recipe, load_world(recipe), arguments.torch(recipe, ranks), communicator);
  Trainer(task, recipe.run, recipe.optimizer, recipe.schedule, communicator.get()).run(program.interrupted);
}

}  // namespace

void add_pretrain(CLI::App& app, Program& program) {
  auto* command = app.add_subcommand("pretrain", "Train a small CLIP from nothing on the demo world");
  const auto arguments = std::make_shared<TrainArguments>();
  command->add_option("--config", arguments->config, "Recipe, such as models/default/recipes/demo-clip.yaml")
      ->required();
  arguments->add_to(*command);
  command->callback([arguments, &program] { run(*arguments, program); });
}

}  // namespace san::cli
