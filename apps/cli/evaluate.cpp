#include <fmt/format.h>

#include <memory>
#include <numeric>
#include <optional>

#include "base/error.h"
#include "base/folder.h"
#include "commands.h"
#include "common.h"
#include "demo_world.h"
#include "engine/score_calibration.h"
#include "engine_options.h"
#include "eval/evaluator.h"
#include "eval/report.h"
#include "evaluate_arguments.h"
#include "evaluated_model.h"
#include "program/common_options.h"
#include "sweep.h"
#include "zero_shot.h"

namespace san::cli {
namespace {

namespace fs = std::filesystem;

using Arguments = EvaluateArguments;

DatasetSpec describe_dataset(const Arguments& a) {
  require(a.images.empty() == a.labels.empty() && a.images.empty() == !a.classes.given(),
          "evaluate: --images, --labels and --classes (or --classes-file) belong together");
  require(a.images.empty() != a.dataset.empty(),
          "evaluate: expected either --dataset or --images, --labels and --classes");
  DatasetSpec spec =
      a.images.empty() ? load_dataset_spec(a.dataset)
                       : describe_folders(fs::absolute(a.images), fs::absolute(a.labels), a.classes.parse());
  if (a.ignore >= 0) spec.ignore = a.ignore;
  return spec;
}

/// The two class lists; one that is not given is the rest of the classes.
void read_groups(const Arguments& a, const DatasetSpec& spec, EvaluationOptions& options) {
  if (!a.seen.empty()) options.seen = read_class_subset(a.seen, spec);
  if (!a.unseen.empty()) options.unseen = read_class_subset(a.unseen, spec);
  const auto rest = [&](const std::vector<int>& taken) {
    std::vector<int> out;
    for (int c = 0; c < spec.class_count(); ++c)
      if (std::ranges::find(taken, c) == taken.end()) out.push_back(c);
    return out;
  };
  if (!a.seen.empty() && a.unseen.empty()) options.unseen = rest(options.seen);
  if (a.seen.empty() && !a.unseen.empty()) options.seen = rest(options.unseen);
}

std::unique_ptr<PredictionWriter> make_writer(const Arguments& a, const DatasetSpec& spec) {
  if (a.save == "none") return nullptr;
  require(!a.output.empty(), "evaluate: --save-predictions needs --output");
  make_folder(a.output);
  if (a.save == "json") return write_predictions_json(a.output / "sem_seg_predictions.json", spec);
  return write_predictions_folder(a.output / "predictions", spec);
}

void check_calibrate(const Arguments& a) {
  require(a.calibrate.empty() || (a.predictions.empty() && a.merge.empty() && !a.check && a.split != "crops"),
          "evaluate: --calibrate needs the scores of a model on pictures; leave out --predictions, --merge, "
          "--check and --split crops");
  require(a.calibrate.empty() || a.method.empty() || a.method == kCalibratedMethod,
          "evaluate: --calibrate: scores of method {} stay as they are; those of {} can be calibrated",
          a.method, kCalibratedMethod);
}

void report(const Arguments& a, const Evaluation& evaluation) {
  fmt::print("{}", a.json ? report_json(evaluation) : report_text(evaluation, a.all_classes));
  if (a.output.empty()) return;
  write_reports(evaluation, a.output);
  fmt::print(stderr, "written: {}/report.html, report.json, report.csv, evaluation.json\n",
             a.output.string());
}

void run_sweep(const Arguments& a, const Dataset& dataset, const EvaluationOptions& options,
               const Program& program) {
  const Sweep sweep = san::run_sweep(dataset, sweep_techniques(a, dataset.spec, program), options);
  fmt::print("{}", a.json ? sweep_json(sweep) : sweep_text(sweep));
  if (a.output.empty()) return;
  write_sweep(sweep, a.output);
  fmt::print(stderr, "written: {}/sweep.html, sweep.json\n", a.output.string());
}

void run_zero_shot(const Arguments& a, const Program& program) {
  const auto scores =
      zero_shot_scores(a.model, a.world, engine_options(a.words(), program), program, a.quiet);
  fmt::print("{}", a.json ? zero_shot_json(scores) : zero_shot_text(scores));
}

void run(const Arguments& a, Program& program) {
  if (a.sweep) check_sweep(a);
  check_calibrate(a);
  if (a.is_demo_world() && a.split == "crops") return run_zero_shot(a, program);
  if (!a.merge.empty()) {
    std::vector<Evaluation> shards;
    for (const auto& path : a.merge)
      shards.push_back(load_evaluation(fs::is_directory(path) ? path / "evaluation.json" : path));
    report(a, merge_evaluations(std::move(shards)));
    return;
  }
  EvaluationOptions options;
  DatasetSpec spec;
  if (a.is_demo_world()) {
    DemoWorldData world =
        demo_world_dataset(a.world, a.split, a.cache_dir, a.model.threads, a.quiet, program.interrupted);
    spec = std::move(world.spec), options.seen = std::move(world.seen),
    options.unseen = std::move(world.unseen);
  } else {
    spec = describe_dataset(a);
    read_groups(a, spec, options);
  }
  const Dataset dataset = open_dataset(spec, a.data, a.is_demo_world() ? "" : a.split);
  options.threads = a.model.threads;
  options.decode = a.pictures.decode;
  options.quiet = a.quiet;
  options.cancelled = &program.interrupted;
  if (a.check) {
    const auto problems = check_dataset(dataset, dataset.samples, options);
    fmt::print("{}: {} samples, {} problems\n{}", dataset.spec.name, dataset.samples.size(), problems.size(),
               describe_problems(problems, problems.size()));
    if (!problems.empty()) program.exit_code = 1;
    return;
  }
  options.shard = {a.shard.index, a.shard.count};
  options.strict = a.strict;
  options.limit = a.limit;
  if (a.sweep) return run_sweep(a, dataset, options, program);
  std::optional<EvaluatedModel> model;
  if (a.predictions.empty()) model.emplace(a, dataset.spec, program);
  const auto predictor = model ? model->predictor(a.answers, model->views())
                               : stored_predictor(a.predictions, dataset.spec, a.pictures.decode);
  const auto writer = make_writer(a, dataset.spec);
  options.writer = writer.get();
  const Evaluation evaluation = evaluate(dataset, *predictor, options);
  report(a, evaluation);
  if (!a.calibrate.empty()) model->save_calibration(evaluation, a.calibrate);
}

}  // namespace

void add_evaluate(CLI::App& app, Program& program) {
  auto* command =
      app.add_subcommand("evaluate", "Score a model, or the predictions of any tool, on a dataset");
  const auto a = std::make_shared<Arguments>();
  command->add_option("--dataset", a->dataset,
                      fmt::format("{}, demo-world (500 fixed scenes), a description (*.yaml), or a FOLDER "
                                  "with images/, labels/ and classes.txt",
                                  fmt::join(shipped_datasets(), ", ")));
  command->add_option("--data", a->data, "Data root; otherwise $DETECTRON2_DATASETS or ./datasets");
  command->add_option("--split", a->split,
                      "Which split of the dataset; otherwise its default. demo-world: mixed (seen and "
                      "unseen), seen, unseen, style, near-style, photo; crops (single objects, "
                      "named by CLIP alone)");
  command->add_option("--images", a->images, "Own data: folder of images")->group("Own data");
  command->add_option("--labels", a->labels, "Own data: folder of label files of the same names")
      ->group("Own data");
  a->classes.add_to(*command->add_option_group("Own classes", "In the order of label values"));
  command->add_option("--ignore", a->ignore, "Label value that is not scored")->group("Own data");
  command->add_option("--predictions", a->predictions,
                      "Score these: a folder of label files or a sem_seg_predictions.json");
  a->model.add_to(*command);
  command->add_option("--templates", a->templates,
                      "Prompt templates: vild, imagenet, single, or a file; default: the model's own");
  command->add_option("--cache-dir", a->cache_dir, "Where text embeddings are kept between runs");
  command->add_flag("--no-cache", a->no_cache, "Neither read nor write the text embedding cache");
  add_method_option(*command, a->method);
  add_calibration_option(*command, a->model.calibration);
  a->pictures.add_to(*command);
  a->answers.add_to(
      *command,
      "FILE[:WEIGHT]: examples of the classes, as `san bank build` makes it, asked beside the words; "
      "demo-world:N[:WEIGHT]: N scenes a class made for it, none of those that measure",
      "none");
  command->add_option("--world", a->world.world, "demo-world: folder that `san world build` wrote")
      ->capture_default_str();
  command->add_option("--concepts", a->world.concepts, "demo-world: list of concepts")->capture_default_str();
  a->views.add_to(*command);
  add_short_side_option(*command, a->short_side);
  command->add_option("--output", a->output,
                      "Folder for report.html, report.json, report.csv and evaluation.json");
  command->add_option("--save-predictions", a->save, "Also write the predictions to --output")
      ->check(CLI::IsMember({"none", "json", "png"}))
      ->capture_default_str();
  command->add_option("--seen", a->seen,
                      "Class names seen in training, one per line: adds seen, unseen, harmonic mean");
  command->add_option("--unseen", a->unseen, "Class names not seen in training");
  command->add_option("--calibrate", a->calibrate,
                      "FILE for --calibration: what the scores say on these images, a curve for this model");
  add_shard_option(*command, a->shard);
  command->add_option("--merge", a->merge,
                      "Merge the evaluations of all shards (folders or evaluation.json files)");
  command->add_option("--limit", a->limit, "Only the first so many images; 0: all")->capture_default_str();
  command->add_flag(
      "--sweep", a->sweep,
      "Compare techniques on the same images, with spread and time: words alone, refined edges, a few "
      "sizes and mirrored looks, and what --bank, --distractors, --window, --tile and --tta ask for; "
      "--output receives sweep.html and sweep.json");
  command->add_flag("--strict", a->strict, "Fail on any missing, mismatched or damaged file, listing all");
  command->add_flag("--check", a->check, "Only check the dataset's files");
  command->add_flag("--all-classes", a->all_classes, "Print every class");
  command->add_flag("--json", a->json, "JSON on standard output");
  command->add_flag("-q,--quiet", a->quiet, "No progress bars");
  command->callback([a, &program] { run(*a, program); });
}

}  // namespace san::cli
