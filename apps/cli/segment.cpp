// Written on libsan alone, as anybody's program would be: tests/public_door_test.cpp holds to it.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/folder.h"
#include "base/log.h"
#include "base/progress.h"
#include "commands.h"
#include "common.h"
#include "library_options.h"
#include "manifest.h"
#include "ordered_jobs.h"
#include "picture_arguments.h"
#include "picture_source.h"
#include "program/common_options.h"
#include "program/words/palette.h"
#include "san/san.hpp"
#include "segment_results.h"
#include "shard_argument.h"
#include "side_by_side.h"
#include "turns.h"
#include "view_arguments.h"

namespace san::cli {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  ModelArguments model;
  VocabularyArguments vocabulary;
  PictureArguments pictures;
  AnswerArguments answers;
  ViewArguments views;
  ShardArgument shard;
  std::vector<std::string> images, merge;
  std::string list, watch;
  std::string output = "out", background = "none", preprocessing = "evaluation", palette = "distinct";
  std::vector<std::string> save{"overlay"};
  fs::path sheet;
  std::string method;
  int short_side = 0, sheet_columns = 2, jobs = 0;
  double tolerance = 1;
  bool manifest = false, skip_done = false;

  /// Where a manifest is needed, and so is written unasked.
  bool keeps_manifest() const {
    return manifest || skip_done || shard.count > 1 || !list.empty() ||
           std::ranges::any_of(save, [](const std::string& s) { return s == "coco" || s == "datumaro"; });
  }
};

/// What one run needs for every picture.
struct Job {
  const Arguments& arguments;
  ResultOptions results;
  SegmentationOptions options;
  bool last = false;  ///< there is one picture alone
};

struct Item {
  std::int64_t number = 0;
  ImageInput input;
};
struct Outcome {
  ManifestRow row;
  std::string name, summary;
  std::optional<Image> sheet_cell;
};

Image read_picture(const ImageInput& input, const Job& job) {
  const DecodeOptions& options = job.arguments.pictures.decode;
  if (!input.from_standard_input()) return load_image(input.path, options);
  const std::string bytes = read_standard_input(options.max_bytes, *job.options.watch.cancelled);
  return decode_image(std::as_bytes(std::span(bytes)), "standard input", options);
}

Outcome segment_one(const Item& item, Turns<Segmenter>& segmenters, const Vocabulary& words, const Job& job) {
  Outcome outcome;
  outcome.name = item.input.path.string();
  outcome.row.number = item.number;
  outcome.row.input = outcome.name;
  try {
    std::vector<std::int64_t> areas;
    if (is_read_by_parts(job.results, item.input, job.options)) {
      LargeResult result = segmenters.use([&](Segmenter& segmenter) {
        return segment_by_parts(job.results, item.input, segmenter, words, job.options);
      });
      outcome.row.files = std::move(result.files);
      outcome.row.height = result.height, outcome.row.width = result.width;
      areas = std::move(result.areas);
    } else {
      const Image image = read_picture(item.input, job);
      const Segmentation result =
          segmenters.use([&](Segmenter& segmenter) { return segmenter.segment(image, words, job.options); });
      if (job.last) segmenters.clear();  // writing needs memory of its own
      if (!job.arguments.sheet.empty()) outcome.sheet_cell = sheet_cell(image, result, job.results.colors);
      outcome.row.files = save_results(job.results, item.input, item.number, image, result);
      outcome.row.height = image.height, outcome.row.width = image.width;
      areas = result.areas;
    }
    for (std::size_t k = 0; k < areas.size(); ++k)
      if (areas[k] > 0) outcome.row.areas.emplace_back(job.results.classes[k], areas[k]);
    outcome.summary = summary(areas, job.results.classes);
  } catch (const Cancelled&) {
    throw;
  } catch (const Error& e) {
    outcome.row.error = e.what();
  }
  return outcome;
}

std::unique_ptr<PictureSource> open_source(const Arguments& a, const Program& program) {
  const int given = (a.images.empty() ? 0 : 1) + (a.list.empty() ? 0 : 1) + (a.watch.empty() ? 0 : 1);
  require(given == 1, "segment: expected images, --list FILE or --watch DIR, {}",
          given == 0 ? "got none of them" : "one of them");
  if (!a.list.empty()) return listed_pictures(a.list);
  if (!a.watch.empty()) return watched_pictures(a.watch, program.interrupted);
  return given_pictures(find_images(a.images));
}

/// What decides about results: runs that share a folder must agree in it.
std::string settings(const Arguments& a, const ModelFacts& facts, const std::vector<std::string>& classes) {
  nlohmann::ordered_json s{{"model", a.model.model},
                           {"method", facts.method},
                           {"precision", facts.precision},
                           {"save", a.save},
                           {"background", a.background},
                           {"preprocess", a.preprocessing},
                           {"short_side", a.short_side},
                           {"tta", a.views.augment},
                           {"window", a.views.window},
                           {"tile", {a.views.tile.side, a.views.tile.overlap}},
                           {"palette", a.palette},
                           {"tolerance", a.tolerance},
                           {"templates", a.vocabulary.templates},
                           {"bank", a.answers.bank},
                           {"distractors", a.answers.distractors},
                           {"synonyms", a.answers.synonyms},
                           {"refine", a.answers.refine},
                           {"calibration", a.model.calibration},
                           {"min_score", a.answers.min_score},
                           {"classes", classes}};
  return s.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

SegmentationOptions segmentation_options(const Arguments& a, const Program& program) {
  SegmentationOptions o;
  o.other = a.background == "other";
  o.min_score = a.answers.min_score;
  o.refine = a.answers.refine;
  o.label_scores = std::ranges::find(a.save, "json") != a.save.end();
  o.short_side = a.short_side;
  o.preprocessing = a.preprocessing == "demo" ? Preprocessing::kDemo : Preprocessing::kEvaluation;
  o.watch.cancelled = &program.interrupted;
  o.augment = a.views.augment;
  o.window = a.views.window;
  o.tile = a.views.tile.side;
  o.tile_overlap = a.views.tile.overlap > 0 ? a.views.tile.overlap : -1;
  if (o.tile == 0) o.tile_overlap = 0;
  return o;
}

bool in_views(const SegmentationOptions& options) {
  return options.augment || options.window > 0 || options.tile > 0;
}

void say_what_model(const Job& job, const ModelFacts& facts) {
  require_background(facts, job.options.other);
  require(!job.results.wants("masks") || facts.makes_masks,
          "method {} makes no mask proposals, only a label for every pixel", facts.method);
  require(!job.results.wants("masks") || !in_views(job.options),
          "--save masks: mask proposals are of one look at the whole picture; leave out --tta, --window and "
          "--tile");
  require(!job.results.wants("scores") || job.options.tile == 0,
          "--save scores: the scores of tiles are not kept; leave out --tile");
  log_model(facts);
}

/// What the run has come to.
struct Tally {
  std::int64_t seen = 0, failed = 0, skipped = 0;
  std::vector<Image> sheet;
};

void commit(Outcome outcome, const Job& job, Manifest* manifest, Tally& tally) {
  ++tally.seen;
  if (manifest != nullptr) manifest->add(outcome.row);
  if (!outcome.row.error.empty()) {
    const std::string& what = outcome.row.error;
    log::error("{}{} (skipped)", what.find(outcome.name) == what.npos ? outcome.name + ": " : "", what);
    ++tally.failed;
    return;
  }
  if (outcome.sheet_cell) tally.sheet.push_back(std::move(*outcome.sheet_cell));
  if (job.results.to_standard_output()) return log::info("{}: {}", outcome.name, outcome.summary);
  fmt::print("{}: {}\n", outcome.name, outcome.summary);
  std::fflush(stdout);
}

/// The pictures of this part that no earlier run has done; counts those that one has.
std::optional<Item> next_item(PictureSource& source, std::int64_t& number, const Arguments& a,
                              const Manifest* manifest, std::atomic<std::int64_t>& skipped,
                              const Program& program) {
  while (auto input = source.next()) {
    if (program.interrupted) throw Cancelled("interrupted");
    const std::int64_t own = number++;
    if (!a.shard.holds(own)) continue;
    if (manifest == nullptr || !manifest->done(own, input->path.string()))
      return Item{own, std::move(*input)};
    ++skipped;
  }
  return {};
}

void segment_all(PictureSource& source, const Model& model, const ThreadBudget& threads,
                 const Vocabulary& words, Job& job, Manifest* manifest, Tally& tally,
                 const Program& program) {
  const Arguments& a = job.arguments;
  const std::int64_t all = source.count();
  const std::int64_t own = all < 0 ? -1 : (all + a.shard.count - a.shard.index) / a.shard.count;
  job.last = own == 1;
  int jobs = a.jobs;
  // Views of a large picture are many, and their maps of classes large.
  if (jobs == 0) jobs = in_views(job.options) ? 1 : pictures_at_a_time(model, threads, own, a.short_side);
  Turns<Segmenter> segmenters;
  for (int i = 0; i < jobs; ++i) segmenters.add(model.segmenter());
  Progress progress("segmenting", own, a.vocabulary.quiet || job.last);
  std::int64_t number = 0, told = 0;
  std::atomic<std::int64_t> skipped = 0;
  // While pictures are segmented, others are read and written.
  constexpr int kMoreInHand = 2;
  run_in_order(
      job.last ? 1 : jobs + kMoreInHand,
      [&] { return next_item(source, number, a, manifest, skipped, program); },
      [&](const Item& item) {
        if (program.interrupted) throw Cancelled("interrupted");
        return segment_one(item, segmenters, words, job);
      },
      [&](Outcome outcome) {
        const std::string name = outcome.name;
        commit(std::move(outcome), job, manifest, tally);
        const std::int64_t more = skipped - told;
        told += more;
        progress.advance(1 + more, fs::path(name).filename().string());
      });
  tally.skipped = skipped;
  progress.advance(tally.skipped - told);
  progress.finish();
}

void finish(const Job& job, Manifest* manifest, Tally& tally, Program& program) {
  const Arguments& a = job.arguments;
  if (!tally.sheet.empty()) save_file(a.sheet, encode_png(draw_sheet(tally.sheet, a.sheet_columns)));
  if (manifest != nullptr) {
    manifest->finish();
    if (a.shard.count == 1) join_documents(a.output);
  }
  if (tally.skipped > 0) log::info("{} pictures were done before", tally.skipped);
  if (tally.failed > 0) {
    log::error("{} of {} pictures could not be segmented", tally.failed, tally.seen);
    program.exit_code = 1;
  }
}

void merge(const Arguments& a, Program& program) {
  const ManifestSummary all = merge_manifests({a.merge.begin(), a.merge.end()}, a.output);
  join_documents(a.output);
  fmt::print("{}: {} pictures, {} could not be segmented\n", Manifest::path_of(a.output).string(),
             all.done + all.failed, all.failed);
  if (all.failed > 0) program.exit_code = 1;
}

void run(const Arguments& a, Program& program) {
  if (!a.merge.empty()) return merge(a, program);
  const std::unique_ptr<PictureSource> source = open_source(a, program);
  const std::string& label_set = a.vocabulary.label_set;
  const std::vector<ClassName> classes = a.answers.named(
      a.vocabulary.parse(), label_set.empty() && a.model.model == "default" ? "demo-world" : label_set);
  Job job{a, {}, segmentation_options(a, program)};
  ResultOptions& r = job.results;
  r = {a.output,
       {a.save.begin(), a.save.end()},
       a.model.model,
       class_colors(a.palette, label_set, classes.size()),
       job.options.other,
       a.palette == "none",
       a.tolerance,
       {},
       a.vocabulary.quiet || source->count() != 1};
  for (const ClassName& c : classes) r.classes.push_back(c.label);
  check_kinds(r);
  if (r.to_standard_output()) {
    require(source->count() == 1 && !a.keeps_manifest(),
            "--output -: standard output takes the result of one picture");
  } else {
    make_folder(a.output);
  }

  const ThreadBudget threads(a.model.threads);
  const Model model = load_model(a.model, a.method, program, threads);
  const ModelFacts facts = model.facts();
  say_what_model(job, facts);
  const Vocabulary words = with_bank(
      model, embed(model, classes, a.vocabulary, a.answers.distractors, program.interrupted), a.answers);
  // Pixels may be none of the classes: the background, a distractor or a low score has them.
  r.other = job.options.other || !words.distractors().empty() || job.options.min_score > 0;
  warn_of_single_class(classes, r.other);
  if (job.options.min_score > static_cast<float>(facts.curve.a))
    log::warn(
        "--min-score {}: of the model's labels {:.4g} are right at best, so that every pixel becomes "
        "\"other\"",
        job.options.min_score, facts.curve.a);
  if (a.pictures.decode.sandbox) log::debug("decoders run behind: {}", sandbox_description());
  std::optional<Manifest> manifest;
  if (a.keeps_manifest())
    manifest.emplace(a.output, settings(a, facts, r.classes), a.shard.index, a.shard.count, a.skip_done);
  if (r.other) r.classes.emplace_back("other");
  save_class_files(r);

  Tally tally;
  try {
    segment_all(*source, model, threads, words, job, manifest ? &*manifest : nullptr, tally, program);
  } catch (const Cancelled&) {
    require(!a.watch.empty(), "interrupted; finished pictures are in {}{}", a.output,
            manifest ? "; the same command with --skip-done goes on" : "");
  }
  finish(job, manifest ? &*manifest : nullptr, tally, program);
}

void add_collection_options(CLI::App& command, Arguments& a) {
  constexpr const char* kGroup = "Many pictures";
  command
      .add_option(
          "--list", a.list,
          "Instead of images: a file with one path a line, or - for standard input; results are named after "
          "the whole path")
      ->group(kGroup);
  command
      .add_option(
          "--watch", a.watch,
          "Instead of images: a folder whose pictures, and those that come to lie there, are segmented until "
          "Ctrl-C")
      ->group(kGroup);
  command
      .add_option(
          "--jobs", a.jobs,
          "Pictures that are segmented at a time; two more are read or written meanwhile. 0: as many as "
          "threads, each on one, where memory allows")
      ->check(CLI::Range(0, 256))
      ->capture_default_str()
      ->group(kGroup);
  add_shard_option(command, a.shard);
  command.get_option("--shard")->group(kGroup);
  command.add_flag("--manifest", a.manifest, "Also write manifest.jsonl: what became of every picture")
      ->group(kGroup);
  command
      .add_flag("--skip-done", a.skip_done,
                "Go on where an earlier run with the same settings was ended: leave out what its manifest "
                "calls done")
      ->group(kGroup);
  command
      .add_option(
          "--merge", a.merge,
          "Instead of segmenting: make one manifest in --output of those of all parts, in these folders, and "
          "one document of each COCO and Datumaro")
      ->group(kGroup);
}

}  // namespace

void add_segment(CLI::App& app, Program& program) {
  auto* command = app.add_subcommand("segment", "Give every pixel of pictures one of the classes you name");
  const auto a = std::make_shared<Arguments>();
  command->add_option("images", a->images,
                      "Pictures, folders, quoted globs, or - for a picture on standard input");
  a->model.add_to(*command);
  add_method_option(*command, a->method);
  add_calibration_option(*command, a->model.calibration);
  a->vocabulary.add_to(*command, false);
  a->pictures.add_to(*command);
  a->answers.add_to(
      *command,
      "FILE[:WEIGHT]: examples of the classes, as `san bank build` makes it, asked beside the words; "
      "the weight is the bank's own unless given",
      "auto for fewer than 20 classes");
  a->views.add_to(*command);
  command
      ->add_option("-o,--output", a->output,
                   "Folder for the results, created if missing; - for one file on standard output")
      ->capture_default_str();
  command
      ->add_option("-s,--save", a->save,
                   "What to write, separated by commas: overlay (a picture with legend), labels (PNG of "
                   "class indices), json "
                   "(areas, scores, COCO RLE), masks (one PNG per proposal), scores (per-class scores, "
                   ".safetensors); for "
                   "annotation tools: coco, yolo, cityscapes, geojson, labelme, datumaro")
      ->delimiter(',')
      ->check(CLI::IsMember(result_kinds()))
      ->capture_default_str();
  add_background_option(*command, a->background);
  command->add_option("--sheet", a->sheet, "Also write one PNG that shows every picture beside its overlay");
  command->add_option("--sheet-columns", a->sheet_columns, "Pairs in a row of the sheet")
      ->capture_default_str()
      ->check(CLI::Range(1, 64));
  command
      ->add_option(
          "--palette", a->palette,
          "distinct: fixed, easily told apart; dataset: the label set's customary colours; none: as "
          "distinct, but label files in plain grey; or a file with a colour a line, as \"R G B\" or #rrggbb")
      ->capture_default_str();
  add_short_side_option(*command, a->short_side);
  command
      ->add_option("--preprocess", a->preprocessing,
                   "evaluation (bilinear, as benchmarks) or demo (bicubic and the long side not limited, as "
                   "the authors' demo)")
      ->check(CLI::IsMember({"evaluation", "demo"}))
      ->capture_default_str();
  command
      ->add_option(
          "--tolerance", a->tolerance,
          "Of the polygons in yolo, cityscapes, geojson and labelme: by how many pixels they may leave a "
          "region's outline; 0: they follow every pixel")
      ->check(CLI::Range(0.0, 1e4))
      ->capture_default_str();
  add_collection_options(*command, *a);
  command->footer(
      "Example: san segment photo.jpg --classes \"cat, sofa|couch, wall\" --save overlay,json\n"
      "         curl -s URL | san segment - --classes \"cat, wall\" --save labels --output - > labels.png\n"
      "         san segment --list photos.txt --classes \"cat, wall\" --save labels --skip-done\n"
      "Videos, cameras and streams (clip.mp4, frames/%05d.png, rtsp://…, /dev/video0; --input - for standard "
      "input) "
      "take the options that `san video --help` lists.\n"
      "Exit code 0: all pictures done; 1: some were skipped (said on standard error); 2: nothing could be "
      "done.");
  command->callback([a, &program] { run(*a, program); });
}

}  // namespace san::cli
