#include "bank/bank.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/labels.h"
#include "base/log.h"
#include "base/progress.h"
#include "commands.h"
#include "common.h"
#include "data/dataset.h"
#include "image/codec/decode.h"
#include "library_options.h"
#include "picture_arguments.h"
#include "program/common_options.h"
#include "san/model.hpp"

namespace san::cli {
namespace {

namespace fs = std::filesystem;

struct BuildArguments {
  ModelArguments model;
  VocabularyArguments words;
  PictureArguments pictures;
  std::string source, split;
  fs::path data, images, labels, output;
  ClassArguments classes;
  int ignore = -1, per_class = 0, short_side = 0;
};

/// A picture and what is known of it.
struct Lesson {
  fs::path image, label;  ///< no label: a picture of one thing
  int class_index = 0;
};

struct Lessons {
  std::vector<ClassName> classes;
  std::vector<Lesson> pictures;
  int ignore = kNoLabel16;
};

/// FOLDER/cat/*.jpg, FOLDER/dog/*.jpg: the folders' names are the classes.
Lessons folders_of_classes(const fs::path& folder) {
  Lessons out;
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.is_directory()) folders.push_back(entry.path());
  std::ranges::sort(folders);
  std::vector<std::string> names;
  for (const fs::path& one : folders) names.push_back(one.filename().string());
  require(!names.empty(),
          "{}: neither a dataset (images/, labels/ and classes.txt) nor folders of pictures named by "
          "their classes",
          folder.string());
  out.classes = parse_classes(names, folder.string());
  for (std::size_t c = 0; c < folders.size(); ++c)
    for (const fs::path& image : list_files(folders[c], {"jpg", "jpeg", "png", "webp", "bmp", "tif", "tiff"}))
      out.pictures.push_back({image, {}, static_cast<int>(c)});
  require(!out.pictures.empty(), "{}: no pictures in its folders", folder.string());
  return out;
}

Lessons lessons_of(const BuildArguments& a) {
  require(a.images.empty() == a.labels.empty() && a.images.empty() == !a.classes.given(),
          "bank build: --images, --labels and --classes (or --classes-file) belong together");
  require(a.images.empty() != a.source.empty(),
          "bank build: expected either a dataset or folder, or --images, --labels and --classes");
  const fs::path folder(a.source);
  if (a.images.empty() && fs::is_directory(folder) && !fs::exists(folder / "dataset.yaml") &&
      !fs::exists(folder / "classes.txt"))
    return folders_of_classes(folder);
  DatasetSpec spec =
      a.images.empty() ? load_dataset_spec(a.source)
                       : describe_folders(fs::absolute(a.images), fs::absolute(a.labels), a.classes.parse());
  const Dataset dataset = open_dataset(std::move(spec), a.data, a.split);
  if (!dataset.problems.empty())
    log::warn("{}: {} problems\n{}", dataset.spec.name, dataset.problems.size(),
              describe_problems(dataset.problems, 3));
  Lessons out;
  out.classes = dataset.spec.vocabulary();
  out.ignore = a.ignore >= 0 ? a.ignore : dataset.spec.ignore;
  for (const Sample& sample : dataset.samples) out.pictures.push_back({sample.image, sample.label, 0});
  return out;
}

/// The labels as a bank takes them, of classes that have not enough pictures yet alone. False: none of those.
bool keep_wanted(LabelMap& labels, const Lessons& lessons, int per_class, std::vector<int>& pictures,
                 const fs::path& where) {
  std::vector<bool> shown(lessons.classes.size());
  for (Label& label : labels.labels) {
    if (label == static_cast<Label>(lessons.ignore) || label == kNoLabel16) label = kNoLabel;
    if (label == kNoLabel) continue;
    require(label < shown.size(), "{}: a label {} where there are {} classes", where.string(), label,
            shown.size());
    if (per_class > 0 && pictures[label] >= per_class)
      label = kNoLabel;
    else
      shown[label] = true;
  }
  for (std::size_t c = 0; c < shown.size(); ++c) pictures[c] += shown[c] ? 1 : 0;
  return std::ranges::find(shown, true) != shown.end();
}

void add(const Lesson& lesson, const Lessons& lessons, const BuildArguments& a, BankBuilder& builder,
         std::vector<int>& pictures, const SegmentationOptions& options) {
  if (lesson.label.empty()) {
    int& count = pictures[static_cast<std::size_t>(lesson.class_index)];
    if (a.per_class > 0 && count >= a.per_class) return;
    builder.add(load_image(lesson.image, a.pictures.decode), lesson.class_index, options);
    ++count;
    return;
  }
  LabelMap labels = decode_labels(lesson.label, a.pictures.decode);
  if (keep_wanted(labels, lessons, a.per_class, pictures, lesson.label))
    builder.add(load_image(lesson.image, a.pictures.decode), labels, options);
}

void print(const fs::path& file, bool json) {
  const Bank bank = Bank::load(file);
  const bool gated = load_bank(file).gate.has_value();
  if (json) {
    nlohmann::ordered_json out{{"pictures", bank.pictures()}, {"weight", bank.weight()}, {"gated", gated}};
    for (const Bank::Class& c : bank.classes())
      out["classes"].push_back({{"name", c.name}, {"pictures", c.pictures}, {"examples", c.examples}});
    fmt::print("{}\n", out.dump(1));
    return;
  }
  std::int64_t examples = 0, empty = 0;
  for (const Bank::Class& c : bank.classes()) examples += c.examples, empty += c.examples == 0 ? 1 : 0;
  fmt::print("{} examples of {} classes from {} pictures; weight {:.2f}\n", examples,
             static_cast<std::int64_t>(bank.classes().size()) - empty, bank.pictures(), bank.weight());
  fmt::print("{}\n",
             gated ? "it counts less for pictures unlike its own (--bank FILE:WEIGHT: for all alike)"
                   : "it counts for all pictures alike: too few labelled ones to tell which are like them");
  if (empty > 0) fmt::print("{} classes have no example: words alone will name them\n", empty);
}

void build(const BuildArguments& a, Program& program) {
  const Lessons lessons = lessons_of(a);
  const Model model = load_model(a.model, "", program);
  if (model.facts().random_weights) log::warn("{}", model.description());
  BankBuilder builder =
      model.bank_builder(embed(model, lessons.classes, a.words, "none", program.interrupted));
  SegmentationOptions options;
  options.short_side = a.short_side;
  options.watch.cancelled = &program.interrupted;
  std::vector<int> pictures(lessons.classes.size());
  std::size_t failed = 0;
  Progress progress("bank", static_cast<std::int64_t>(lessons.pictures.size()), a.words.quiet);
  for (const Lesson& lesson : lessons.pictures) {
    require(!program.interrupted, "interrupted; no bank was written");
    try {
      add(lesson, lessons, a, builder, pictures, options);
    } catch (const Cancelled&) {
      fail("interrupted; no bank was written");
    } catch (const Error& e) {
      log::error("{}: {} (skipped)", lesson.image.string(), e.what());
      ++failed;
    }
    progress.advance(1);
  }
  progress.finish();
  builder.finish().save(a.output);
  print(a.output, false);
  if (failed > 0) {
    log::error("{} of {} pictures could not be read", failed, lessons.pictures.size());
    program.exit_code = 1;
  }
}

void add_build(CLI::App& bank, Program& program) {
  auto* command =
      bank.add_subcommand("build", "Make a bank of labelled pictures, or of folders named by their classes");
  const auto a = std::make_shared<BuildArguments>();
  command->add_option(
      "source", a->source,
      "A dataset as `san evaluate` takes it (a name, a description, a FOLDER with images/, labels/ and "
      "classes.txt), or a FOLDER whose folders are named by the class that their pictures show in "
      "their middle");
  command->add_option("-o,--output", a->output, "The bank's file")->required();
  a->model.add_to(*command);
  command->add_option("--data", a->data,
                      "Data root of a dataset; otherwise $DETECTRON2_DATASETS or ./datasets");
  command->add_option("--split", a->split, "Which split of the dataset; otherwise its default");
  command->add_option("--images", a->images, "Own data: folder of images")->group("Own data");
  command->add_option("--labels", a->labels, "Own data: folder of label files of the same names")
      ->group("Own data");
  a->classes.add_to(*command->add_option_group("Own classes", "In the order of label values"));
  command->add_option("--ignore", a->ignore, "Label value of which nothing is known")->group("Own data");
  command
      ->add_option("--per-class", a->per_class, "At most so many pictures of each class, the first; 0: all")
      ->check(CLI::Range(0, 1000000))
      ->capture_default_str();
  add_short_side_option(*command, a->short_side);
  command->add_option("--templates", a->words.templates,
                      "Prompt templates: vild, imagenet, single, or a file; default: the model's own");
  command->add_option("--cache-dir", a->words.cache_dir, "Where text embeddings are kept between runs");
  command->add_flag("--no-cache", a->words.no_cache, "Neither read nor write the text embedding cache");
  command->add_flag("-q,--quiet", a->words.quiet, "No progress bars");
  a->pictures.add_to(*command);
  command->footer(
      "Example: san bank build parts/ --output parts.bank\n"
      "         san segment photo.jpg --classes \"bracket A, bracket B, floor\" --bank parts.bank");
  command->callback([a, &program] { build(*a, program); });
}

}  // namespace

void add_bank(CLI::App& app, Program& program) {
  auto* bank = app.add_subcommand("bank", "Examples of classes, for what words cannot say");
  bank->require_subcommand(1);
  add_build(*bank, program);
  auto* show = bank->add_subcommand("show", "What a bank holds");
  const auto file = std::make_shared<std::string>();
  const auto json = std::make_shared<bool>();
  show->add_option("file", *file, "The bank")->required();
  show->add_flag("--json", *json, "As JSON, class by class");
  show->callback([file, json] { print(*file, *json); });
}

}  // namespace san::cli
