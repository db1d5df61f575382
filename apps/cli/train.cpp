#include "base/error.h"
#include "base/free_memory.h"
#include "commands.h"
#include "program/words/class_arguments.h"
#include "train/forecast.h"
#include "train/joint_task.h"
#include "train/pretrain_task.h"
#include "train/run_plan.h"
#include "train/segmentation_task.h"
#include "train/step_bench.h"
#include "train/synthetic_source.h"
#include "train/world_source.h"
#include "train_arguments.h"
#ifdef SAN_TRAIN_DATASETS
#include "picture_arguments.h"
#include "train/dataset/dataset_source.h"
#endif

namespace san::cli {
namespace {

struct OwnData {
  std::string images, labels;
  ClassArguments classes;
  double validation = -1;
#ifdef SAN_TRAIN_DATASETS
  PictureArguments pictures;
#endif
};

struct Data {
  std::shared_ptr<const SampleSource> samples;
  std::shared_ptr<const EvaluationSet> evaluation;
  std::shared_ptr<const World> world;
};

#ifdef SAN_TRAIN_DATASETS
Data open_data(const Recipe& recipe, const OwnData& own) {
  const DecodeOptions& decode = own.pictures.decode;
  const std::uint64_t seed = recipe.seed;
  const AugmentationOptions augmentation{recipe.input.min_size, recipe.input.max_size, recipe.input.crop,
                                         recipe.input.color_jitter, recipe.input.flip};
  Data data;
  if (!recipe.data.images.empty()) {
    const DatasetSpec spec = describe_folders(recipe.data.images, recipe.data.labels,
                                              recipe.data.classes.empty()
                                                  ? load_class_file(recipe.data.classes_file)
                                                  : parse_classes(recipe.data.classes, "DATASETS.CLASSES"));
    Dataset pictures = open_dataset(spec);
    if (recipe.data.test.empty()) {
      Dataset held = hold_out(pictures, recipe.data.validation, seed);
      if (held.samples.empty()) {
        log::info("{} pictures, all trained on: nothing is measured (--validation)", pictures.samples.size());
      } else {
        log::info("{} pictures: {} are trained on, {} measure before and after (--validation)",
                  pictures.samples.size() + held.samples.size(), pictures.samples.size(),
                  held.samples.size());
        data.evaluation = dataset_evaluation(std::move(held), decode);
      }
    }
    data.samples = dataset_samples(std::move(pictures), augmentation, seed, decode);
  } else if (recipe.data.train == "synthetic") {
    data.samples = synthetic_samples(recipe.input.crop, load_dataset_spec("coco-stuff-171").classes, seed);
  } else {
    data.samples = dataset_samples(
        open_dataset(load_dataset_spec(recipe.data.train), recipe.data.root, recipe.data.split), augmentation,
        seed, decode);
  }
  if (!recipe.data.test.empty() && recipe.data.train != "synthetic")
    data.evaluation =
        dataset_evaluation(open_dataset(load_dataset_spec(recipe.data.test), recipe.data.root), decode);
  return data;
}
#else
Data open_data(const Recipe& recipe, const OwnData&) {
  fail("this program trains on the demo world only; DATASETS.TRAIN is '{}'", recipe.data.train);
}
#endif

Data open_world(const Recipe& recipe) {
  const auto world = load_world(recipe);
  return {world_samples(world, recipe), world_evaluation(world, EvalSplit::kMixed, recipe.data.size), world};
}

std::shared_ptr<TrainingTask> with_contrast(const std::shared_ptr<TrainingTask>& masks, const Recipe& recipe,
                                            const std::shared_ptr<const World>& world,
                                            const std::shared_ptr<Communicator>& communicator) {
  Recipe pairs = recipe;
  pairs.batch = recipe.contrast.batch;
  pairs.data.size = recipe.contrast.size;
  pairs.data.curriculum = 0;
  const std::shared_ptr<TorchBackend> shared(masks, &masks->backend());
  return std::make_shared<JointTask>(
      masks, std::make_shared<PretrainTask>(pairs, world, shared, recipe.model.trainable, communicator),
      recipe.contrast.weight, "contrast");
}

/// Says what a step takes and, on the CPU, chooses how many pictures are computed at once.
void plan(Recipe& recipe, const SampleSource& samples, bool on_cpu, Communicator& communicator) {
  constexpr double kShareOfPeak = 0.5;  // of this machine's products, that a step of a transformer reaches
  constexpr double kPartSeconds = 20;   // most of a part, so that Ctrl-C and --max-minutes are heard
  const SanConfig config = start_model(recipe).config;
  const auto classes = static_cast<int>(samples.class_names().size());
  if (!on_cpu) {
    if (recipe.micro_batch == 0) recipe.micro_batch = recipe.batch;
    return;
  }
  const double macs_per_s =
      kShareOfPeak * 1e9 / 2 * torch_matmul_peak_gflops(at::Device("cpu"), Precision::kF32, /*repeats=*/2);
  const RunPlan p =
      plan_run(recipe, config, samples.width(), classes,
               {available_memory_bytes(), static_cast<std::int64_t>(kPartSeconds * macs_per_s)});
  // The first process chooses for all: they stop between the same parts.
  at::Tensor chosen = at::full({1}, p.micro_batch, at::kLong);
  communicator.broadcast(chosen);
  recipe.micro_batch = static_cast<int>(chosen.item<std::int64_t>());
  if (!communicator.first()) return;
  const double step_s = static_cast<double>(p.macs_per_step) / macs_per_s;
  log::info("{}; at the processor's speed just now {} a step", describe(p, recipe, samples.width()),
            duration_text(step_s));
  const double part_s = step_s * recipe.micro_batch / (recipe.batch * recipe.run.accumulate);
  if (recipe.run.max_minutes > 0 && part_s > 60 * recipe.run.max_minutes)
    log::warn(
        "--max-minutes {}: the shortest part of a step takes {}; smaller crops (--set INPUT.CROP_SIZE=N) "
        "are faster",
        recipe.run.max_minutes, duration_text(part_s));
}

/// Each class as a recipe lists it: "couch|sofa".
nlohmann::json entries_of(const std::vector<ClassName>& classes) {
  nlohmann::json entries = nlohmann::json::array();
  for (const ClassName& c : classes) entries.push_back(fmt::format("{}", fmt::join(c.names, "|")));
  return entries;
}

void run(TrainArguments& arguments, const OwnData& own, const Program& program) {
  if (own.validation >= 0)
    arguments.overrides.push_back(fmt::format("DATASETS.VALIDATION={}", own.validation));
  if (!own.images.empty()) {
    for (const auto& [key, folder] :
         {std::pair{"DATASETS.IMAGES", own.images}, {"DATASETS.LABELS", own.labels}})
      arguments.overrides.push_back(fmt::format("{}='{}'", key, std::filesystem::absolute(folder).string()));
    const std::vector<ClassName> classes =
        own.classes.parse();  // says what is wrong before anything is opened
    const std::string& file = own.classes.classes_file;
    arguments.overrides.push_back(
        file.empty() ? "DATASETS.CLASSES=" + entries_of(classes).dump()
                     : fmt::format("DATASETS.CLASSES_FILE='{}'", std::filesystem::absolute(file).string()));
  }
  Recipe recipe = arguments.recipe();
  const Ranks ranks = arguments.ranks();
  const auto communicator = arguments.communicator(recipe, ranks);
  const bool world = recipe.data.train == "demo-world" && recipe.data.images.empty();
  const Data data = world ? open_world(recipe) : open_data(recipe, own);
  plan(recipe, *data.samples, arguments.resolved_device() == "cpu", *communicator);
  std::shared_ptr<TrainingTask> task = std::make_shared<SegmentationTask>(
      recipe, data.samples, data.evaluation, arguments.torch(recipe, ranks), communicator);
  if (recipe.contrast.weight > 0) {
    require(world, "CONTRAST needs the image–text pairs of DATASETS.TRAIN demo-world");
    task = with_contrast(task, recipe, data.world, communicator);
  }
  Trainer(*task, recipe.run, recipe.optimizer, recipe.schedule, communicator.get()).run(program.interrupted);
}

}  // namespace

void add_train(CLI::App& app, Program& program) {
  auto* command = app.add_subcommand("train", "Train a side adapter (and what else the recipe names)");
  const auto arguments = std::make_shared<TrainArguments>();
  const auto own = std::make_shared<OwnData>();
  auto* config = command->add_option(
      "--config", arguments->config,
      "Recipe, such as models/default/recipes/demo-world.yaml; without, the one for fine-tuning on --images");
  auto* images = command->add_option("--images", own->images, "Folder of pictures to train on");
  auto* labels = command->add_option("--labels", own->labels,
                                     "Folder of PNG label maps with the pictures' names; 255 is ignored");
  own->classes.add_to(*command->add_option_group("Own classes", "In the order of label values"));
  command
      ->add_option("--validation", own->validation,
                   "Share of the pictures that is not trained on but measures before and after; 0: none "
                   "(default 0.2 with --images)")
      ->check(CLI::Range(0.0, 0.9))
      ->needs(images);
  auto* quick = command->add_flag(
      "--quick", arguments->quick,
      "For some thirty pictures on a processor: twelve minutes of training (docs/training.md)");
  quick->needs(images)->excludes(config);
  images->needs(labels);
  labels->needs(images);
  arguments->add_to(*command);
#ifdef SAN_TRAIN_DATASETS
  own->pictures.add_to(*command);
#endif
  command->callback([arguments, own, config, images, &program] {
    require(config->count() > 0 || images->count() > 0,
            "give --config, or --images, --labels and --classes (or --classes-file)");
    require(own->images.empty() == !own->classes.given(),
            "train: --images, --labels and --classes (or --classes-file) belong together");
    run(*arguments, *own, program);
  });
}

}  // namespace san::cli
