#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/log.h"
#include "base/progress.h"
#include "checkpoint/safetensors.h"
#include "commands.h"
#include "common.h"
#include "draw/contact_sheet.h"
#include "draw/overlay.h"
#include "draw/palette.h"
#include "engine/engine.h"
#include "engine_options.h"
#include "image/codec/decode.h"
#include "image/codec/encode.h"
#include "image_inputs.h"
#include "labels/mask_proposals.h"
#include "labels/result_json.h"
#include "picture_arguments.h"
#include "san/label_sets.hpp"

namespace san::cli {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  ModelArguments model;
  VocabularyArguments vocabulary;
  PictureArguments pictures;
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
  std::shared_ptr<const TextEmbeddings> vocabulary;
  std::vector<int> row_class;
  std::vector<Rgb> colors;
  SegmentOptions options;

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

void save_scores(const fs::path& path, const Session& session, const Logits& network, const Image& image,
                 const Job& job, const HeadOptions& head) {
  std::vector<TensorInfo> tensors;
  std::map<std::string, int> index;
  for (std::size_t k = 0; k < job.vocabulary->classes.size(); ++k) {
    const std::string name = fmt::format("{:04} {}", k, job.vocabulary->classes[k]);
    tensors.push_back({name, DType::kF32, {image.height, image.width}});
    index[name] = static_cast<int>(k);
  }
  write_safetensors(path, tensors, {{"format", "san per-class scores, one [height, width] tensor per class"}},
                    [&](const TensorInfo& tensor) {  // a class at a time: never classes × pixels in memory
                      const int chosen = index.at(tensor.name);
                      return HostArray::from(tensor.shape, session.segmentation_head().class_scores(
                                                               {&network.view, 1}, image.height, image.width,
                                                               head, {&chosen, 1}));
                    });
}

void save_masks(const fs::path& folder, const std::vector<MaskProposal>& proposals, const Job& job) {
  make_folder(folder);
  int number = 0;
  for (const MaskProposal& p : proposals) {
    Image mask(p.mask.height, p.mask.width);
    const std::vector<std::uint8_t> set = decode_rle(p.mask);
    for (std::size_t i = 0; i < set.size(); ++i)
      std::fill_n(mask.rgb.begin() + static_cast<std::ptrdiff_t>(3 * i), 3, set[i] ? 255 : 0);
    std::string name = job.vocabulary->classes[static_cast<std::size_t>(p.class_index)];
    std::ranges::replace_if(
        name, [](unsigned char c) { return !std::isalnum(c) && c < 128; }, '_');
    write_png(folder / fmt::format("{:03}_{}_{:.3f}.png", number++, name.substr(0, 60), p.score()), mask);
  }
}

std::string summary(const SegmentationResult& r, const std::vector<std::string>& classes) {
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

// The picture and what was found in it, small enough to keep many.
Image sheet_cell(const Image& image, const SegmentationResult& result, const Job& job) {
  OverlayOptions options;
  options.legend = false;
  const Image overlay = draw_overlay(image, result.labels, job.vocabulary->classes, job.colors, options);
  const Image pair = beside(image, overlay);
  constexpr int kHeight = 256;
  const Size size{
      kHeight, std::max(1, static_cast<int>(static_cast<std::int64_t>(pair.width) * kHeight / pair.height))};
  return resize(pair, size.height, size.width, ResizeFilter::kBicubic);
}

Image read_picture(const ImageInput& input, const DecodeOptions& options,
                   const std::atomic<bool>& interrupted) {
  if (!input.from_standard_input()) return decode_image(input.path, options);
  const std::string bytes = read_standard_input(options.max_bytes, interrupted);
  return decode_image(std::as_bytes(std::span(bytes)), "standard input", options);
}

void segment_one(const ImageInput& input, Session& session, const Job& job,
                 const std::atomic<bool>& interrupted, std::vector<Image>& sheet) {
  const fs::path base = fs::path(job.arguments.output) / input.stem;
  const auto file = [&](const char* suffix) { return fs::path(base.string() + suffix); };
  const Image image = read_picture(input, job.arguments.pictures.decode, interrupted);
  const Logits network = session.name(session.look(image, job.options.look), job.vocabulary);
  const HeadOptions head = head_options(*job.vocabulary, job.row_class, job.options);
  const SegmentationResult result =
      session.segmentation_head().run({&network.view, 1}, image.height, image.width, head);

  std::vector<MaskProposal> proposals;
  if (job.wants("masks"))
    proposals = mask_proposals(network.view, image.height, image.width, head, {}, session.pool());
  const auto& names = job.vocabulary->classes;
  if (!job.arguments.sheet.empty()) sheet.push_back(sheet_cell(image, result, job));
  if (job.wants("overlay"))
    write_png(file(".overlay.png"), draw_overlay(image, result.labels, names, job.colors));
  if (job.wants("labels")) {
    std::vector<Rgb> palette = job.colors;
    if (job.options.background == Background::kOther) palette.push_back(kOtherColor);
    write_labels(file(".labels.png"), result.labels,
                 palette.size() <= 256 ? std::span<const Rgb>(palette) : std::span<const Rgb>());
  }
  if (job.wants("json")) {
    ResultInfo info{input.path.string(), session.engine().model().name, names, job.colors};
    if (job.wants("masks")) info.proposals = proposals;
    write_file_atomically(file(".json"), result_json(result, info) + "\n");
  }
  if (job.wants("masks")) save_masks(file(".masks"), proposals, job);
  if (job.wants("scores")) save_scores(file(".scores.safetensors"), session, network, image, job, head);
  fmt::print("{}: {}\n", input.path.string(), summary(result, names));
  std::fflush(stdout);
}

void run(const Arguments& a, Program& program) {
  const std::vector<ImageInput> inputs = find_images(a.images);
  const std::vector<ClassName> classes = a.vocabulary.parse();
  warn_of_single_class(classes, a.background == "other");
  Job job{a, {a.save.begin(), a.save.end()}, nullptr, {}, class_colors(a, classes.size()), {}};
  job.options.background = a.background == "other" ? Background::kOther : Background::kNone;
  job.options.label_scores = job.wants("json");
  job.options.look.short_side = a.short_side;
  if (a.preprocessing == "demo")
    job.options.look.size_rule = SizeRule::kDemo, job.options.look.filter = ResizeFilter::kBicubic;
  make_folder(a.output);

  const auto engine = std::make_shared<const Engine>(a.model.load(), a.model.make_backend(program), a.method);
  require_possible(engine->method_info(), job.options.background, job.wants("masks"));
  if (engine->model().random_weights)
    log::warn("{}", engine->model().description);
  else if (engine->model().untrained_adapter)
    log::warn("{}: train it with `san train --init` first; its masks mean nothing",
              engine->model().description);
  else
    log::info("model: {}", engine->model().description);
  job.vocabulary = engine->encode(classes, engine_options(a.vocabulary, program));
  job.row_class = job.vocabulary->row_classes();
  if (a.pictures.decode.sandbox) log::debug("decoders run behind: {}", sandbox_description());
  Session session(engine, a.model.threads);

  Progress progress("segmenting", static_cast<std::int64_t>(inputs.size()),
                    a.vocabulary.quiet || inputs.size() == 1);
  int failed = 0;
  std::vector<Image> sheet;
  for (const ImageInput& input : inputs) {
    require(!program.interrupted, "interrupted; finished pictures are in {}", a.output);
    try {
      segment_one(input, session, job, program.interrupted, sheet);
    } catch (const Error& e) {
      log::error("{} (skipped)", e.what());
      ++failed;
    }
    progress.advance(1, input.path.filename().string());
  }
  progress.finish();
  if (!sheet.empty()) write_png(a.sheet, contact_sheet(sheet, {a.sheet_columns}));
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
