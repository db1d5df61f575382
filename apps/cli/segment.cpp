// Written on libsan alone, as anybody's program would be: tests/public_door_test.cpp holds to it.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/log.h"
#include "base/progress.h"
#include "commands.h"
#include "common.h"
#include "image_inputs.h"
#include "library_options.h"
#include "picture_arguments.h"
#include "san/san.hpp"

namespace san::cli {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  ModelArguments model;
  VocabularyArguments vocabulary;
  PictureArguments pictures;
  AnswerArguments answers;
  std::vector<std::string> images;
  std::string output = "out", background = "none", preprocessing = "evaluation", palette = "distinct";
  std::vector<std::string> save{"overlay"};
  std::filesystem::path sheet;
  std::string method;
  int short_side = 0, sheet_columns = 2;
};

/// What one run needs for every picture.
struct Job {
  const Arguments& arguments;
  std::set<std::string> save;
  std::vector<Rgb> colors;
  SegmentationOptions options;

  bool wants(const char* what) const { return save.contains(what); }
};

std::vector<Rgb> class_colors(const Arguments& a, std::size_t classes) {
  if (a.palette == "distinct") return distinct_colors(classes);
  require(!a.vocabulary.label_set.empty(),
          "--palette dataset needs --label-set: only label sets have customary colours");
  const LabelSet set = label_set(a.vocabulary.label_set);
  require(set.palette.size() == classes, "label set {} has no customary colours; leave out --palette dataset",
          set.name);
  return {set.palette.begin(), set.palette.end()};
}

void save_masks(const fs::path& folder, const std::vector<MaskProposal>& proposals,
                const std::vector<std::string>& classes) {
  make_folder(folder);
  int number = 0;
  for (const MaskProposal& p : proposals) {
    std::vector<std::uint8_t> mask = decode_rle(p.mask);
    for (std::uint8_t& value : mask) value = value ? 255 : 0;
    std::string name = classes[static_cast<std::size_t>(p.class_index)];
    std::ranges::replace_if(
        name, [](unsigned char c) { return !std::isalnum(c) && c < 128; }, '_');
    save_file(folder / fmt::format("{:03}_{}_{:.3f}.png", number++, name.substr(0, 60), p.score()),
              encode_png({mask.data(), p.mask.height, p.mask.width, PixelFormat::kGrey}));
  }
}

std::string summary(const Segmentation& r) {
  const std::vector<std::string>& classes = r.classes();
  std::vector<std::size_t> order;
  for (std::size_t k = 0; k < r.areas.size(); ++k)
    if (r.areas[k] > 0) order.push_back(k);
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) { return r.areas[a] > r.areas[b]; });
  std::string text;
  const double pixels = static_cast<double>(r.labels.labels.size());
  for (std::size_t i = 0; i < order.size() && i < 6; ++i)
    text +=
        fmt::format("{}{} {:.0f} %", i ? ", " : "", order[i] < classes.size() ? classes[order[i]] : "other",
                    100 * static_cast<double>(r.areas[order[i]]) / pixels);
  return order.size() > 6 ? text + ", …" : text;
}

void save_labels(const fs::path& path, const Segmentation& result, const Job& job) {
  std::vector<Rgb> palette = job.colors;
  if (job.options.other || result.areas.back() > 0) palette.push_back(kOtherColor);
  if (palette.size() > 256) palette.clear();
  save_file(path, encode_labels(result.labels, palette));
}

void save_json(const fs::path& path, const ImageInput& input, const Segmentation& result,
               std::span<const MaskProposal> proposals, const Job& job) {
  JsonOptions options{input.path.string(), job.arguments.model.model, job.colors, {}};
  if (job.wants("masks")) options.proposals = proposals;
  const std::string text = result.json(options);
  save_file(path, std::as_bytes(std::span(text)));
}

Image read_picture(const ImageInput& input, const Job& job) {
  const DecodeOptions& options = job.arguments.pictures.decode;
  if (!input.from_standard_input()) return load_image(input.path, options);
  const std::string bytes = read_standard_input(options.max_bytes, *job.options.watch.cancelled);
  return decode_image(std::as_bytes(std::span(bytes)), "standard input", options);
}

void segment_one(const ImageInput& input, Segmenter& segmenter, const Vocabulary& words, const Job& job,
                 std::vector<Image>& sheet) {
  const fs::path base = fs::path(job.arguments.output) / input.stem;
  const auto file = [&](const char* suffix) { return fs::path(base.string() + suffix); };
  const Image image = read_picture(input, job);
  const Segmentation result = segmenter.segment(image, words, job.options);

  std::vector<MaskProposal> proposals;
  if (job.wants("masks")) proposals = result.proposals();
  if (!job.arguments.sheet.empty()) sheet.push_back(sheet_cell(image, result, job.colors));
  if (job.wants("overlay"))
    save_file(file(".overlay.png"), encode_png(draw_overlay(image, result, job.colors)));
  if (job.wants("labels")) save_labels(file(".labels.png"), result, job);
  if (job.wants("json")) save_json(file(".json"), input, result, proposals, job);
  if (job.wants("masks")) save_masks(file(".masks"), proposals, result.classes());
  if (job.wants("scores")) result.save_scores(file(".scores.safetensors"));
  fmt::print("{}: {}\n", input.path.string(), summary(result));
  std::fflush(stdout);
}

void run(const Arguments& a, Program& program) {
  const std::vector<ImageInput> inputs = find_images(a.images);
  const std::vector<ClassName> classes = a.vocabulary.parse();
  Job job{a, {a.save.begin(), a.save.end()}, class_colors(a, classes.size()), {}};
  job.options.other = a.background == "other";
  job.options.label_scores = job.wants("json");
  job.options.min_score = a.answers.min_score;
  job.options.refine = a.answers.refine;
  job.options.short_side = a.short_side;
  job.options.preprocessing = a.preprocessing == "demo" ? Preprocessing::kDemo : Preprocessing::kEvaluation;
  job.options.watch.cancelled = &program.interrupted;
  make_folder(a.output);

  const Model model = Model::load(a.model.model, model_options(a.model, a.method, program));
  const ModelFacts facts = model.facts();
  require(!job.options.other || facts.knows_background,
          "method {} knows no background: every pixel gets one of the classes, none becomes \"other\"",
          facts.method);
  require(!job.wants("masks") || facts.makes_masks,
          "method {} makes no mask proposals, only a label for every pixel", facts.method);
  if (facts.random_weights)
    log::warn("{}", facts.description);
  else if (facts.untrained_adapter)
    log::warn("{}: train it with `san train --init` first; its masks mean nothing", facts.description);
  else
    log::info("model: {}", facts.description);
  const Vocabulary words = embed(model, classes, a.vocabulary, a.answers, program);
  warn_of_single_class(classes,
                       job.options.other || !words.distractors().empty() || job.options.min_score > 0);
  if (a.pictures.decode.sandbox) log::debug("decoders run behind: {}", sandbox_description());
  Segmenter segmenter = model.segmenter();

  Progress progress("segmenting", static_cast<std::int64_t>(inputs.size()),
                    a.vocabulary.quiet || inputs.size() == 1);
  int failed = 0;
  std::vector<Image> sheet;
  for (const ImageInput& input : inputs) {
    require(!program.interrupted, "interrupted; finished pictures are in {}", a.output);
    try {
      segment_one(input, segmenter, words, job, sheet);
    } catch (const Cancelled&) {
      fail("interrupted; finished pictures are in {}", a.output);
    } catch (const Error& e) {
      const std::string_view what = e.what();
      const std::string name = input.path.string();
      log::error("{}{} (skipped)", what.find(name) == what.npos ? name + ": " : "", what);
      ++failed;
    }
    progress.advance(1, input.path.filename().string());
  }
  progress.finish();
  if (!sheet.empty()) save_file(a.sheet, encode_png(draw_sheet(sheet, a.sheet_columns)));
  if (failed > 0) {
    log::error("{} of {} pictures could not be segmented", failed, inputs.size());
    program.exit_code = 1;
  }
}

}  // namespace

void add_segment(CLI::App& app, Program& program) {
  auto* command = app.add_subcommand("segment", "Give every pixel of pictures one of the classes you name");
  const auto a = std::make_shared<Arguments>();
  command
      ->add_option("images", a->images,
                   "Pictures, folders, quoted globs, or - for a picture on standard input")
      ->required();
  a->model.add_to(*command);
  add_method_option(*command, a->method);
  a->vocabulary.add_to(*command, true);
  a->pictures.add_to(*command);
  a->answers.add_to(
      *command,
      "FILE[:WEIGHT]: examples of the classes, as `san bank build` makes it, asked beside the words; "
      "the weight is the bank's own unless given",
      "auto for fewer than 20 classes");
  command->add_option("-o,--output", a->output, "Folder for the results, created if missing")
      ->capture_default_str();
  command
      ->add_option(
          "-s,--save", a->save,
          "What to write, separated by commas: overlay (a picture with legend), labels (PNG of class "
          "indices), json "
          "(areas, scores, COCO RLE), masks (one PNG per proposal), scores (per-class scores, .safetensors)")
      ->delimiter(',')
      ->check(CLI::IsMember({"overlay", "labels", "json", "masks", "scores"}))
      ->capture_default_str();
  command
      ->add_option(
          "--background", a->background,
          "none: every pixel gets a class; other: pixels the learned background wins become \"other\"")
      ->check(CLI::IsMember({"none", "other"}))
      ->capture_default_str();
  command->add_option("--sheet", a->sheet, "Also write one PNG that shows every picture beside its overlay");
  command->add_option("--sheet-columns", a->sheet_columns, "Pairs in a row of the sheet")
      ->capture_default_str()
      ->check(CLI::Range(1, 64));
  command
      ->add_option("--palette", a->palette,
                   "distinct: fixed, easily told apart; dataset: the label set's customary colours")
      ->check(CLI::IsMember({"distinct", "dataset"}))
      ->capture_default_str();
  command
      ->add_option("--short-side", a->short_side,
                   "Resize the short side to this for the network; 0: the model's own")
      ->check(CLI::Range(0, 8192))
      ->capture_default_str();
  command
      ->add_option("--preprocess", a->preprocessing,
                   "evaluation (bilinear, as benchmarks) or demo (bicubic and the long side not limited, as "
                   "the authors' demo)")
      ->check(CLI::IsMember({"evaluation", "demo"}))
      ->capture_default_str();
  command->footer(
      "Example: san segment photo.jpg --classes \"cat, sofa|couch, wall\" --save overlay,json\n"
      "         curl -s URL | san segment - --classes \"cat, wall\"   (results: stdin.overlay.png)\n"
      "Exit code 0: all pictures done; 1: some were skipped (said on standard error); 2: nothing could be "
      "done.");
  command->callback([a, &program] { run(*a, program); });
}

}  // namespace san::cli
