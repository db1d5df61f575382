// `san video`, and what `san segment` becomes for inputs that move. On libsan, as anybody's program would be;
// libav is in this program alone.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "base/progress.h"
#include "labeller.h"
#include "options.h"
#include "parts.h"
#include "pipeline.h"
#include "program/commands.h"
#include "program/common_options.h"
#include "program/words/palette.h"
#include "results.h"
#include "san/san.hpp"
#include "truth.h"
#include "video/source.h"

namespace san::video {
namespace {

SegmentationOptions segmentation_options(const Arguments& a, const std::atomic<bool>& interrupted) {
  SegmentationOptions o;
  o.other = a.background == "other";
  o.short_side = a.short_side;
  o.preprocessing = a.preprocessing == "demo" ? Preprocessing::kDemo : Preprocessing::kEvaluation;
  o.watch.cancelled = &interrupted;
  return o;
}

std::string summary(const std::string& input, const Flow& flow, const Labeller& labeller,
                    const Results& results) {
  const Spread latency = spread_of(flow.latencies_ms);
  std::string text = fmt::format(
      "{}: {} frames in {:.1f} s, {:.3g} a second; latency {:.0f} ms, 95 % within {:.0f}, "
      "at most {:.0f}",
      input, flow.frames, flow.seconds,
      flow.seconds > 0 ? static_cast<double>(flow.frames) / flow.seconds : 0, latency.median, latency.most,
      latency.largest);
  if (labeller.looked() < flow.frames) text += fmt::format("; the network saw {} of them", labeller.looked());
  if (flow.dropped > 0) text += fmt::format("; {} frames dropped", flow.dropped);
  for (const std::string& file : results.files()) text += "\n  " + file;
  return text;
}

/// What is the same for all videos of a run.
struct Job {
  const Arguments& arguments;
  const std::atomic<bool>& interrupted;
  std::vector<Rgb> colors;
  Vocabulary words;
  bool other;  ///< pixels may be none of the classes: the background or a distractor has them
  SegmentationOptions options;
  std::string model;  ///< its description
};

SourceOptions source_options(const Arguments& a, const std::string& input,
                             const std::atomic<bool>& interrupted) {
  SourceOptions o;
  o.input = input;
  o.live = a.live;
  o.sound = !a.no_sound && a.saves("video");
  o.first = a.first;
  o.count = a.frames;
  o.stride = a.stride;
  o.max_pixels = a.max_pixels;
  o.interrupted = &interrupted;
  return o;
}

Steadying steadying(const Arguments& a) {
  if (a.temporal == "stream") return Steadying::kStream;
  return a.temporal == "clip" ? Steadying::kClip : Steadying::kOff;
}

/// Whether a later run could read it again.
bool is_kept(const Arguments& a, const std::string& input) {
  return !a.live && input != "-" && input.find("://") == input.npos && !input.starts_with("/dev/");
}

/// What decides about results: runs that go on must agree in it.
nlohmann::ordered_json settings(const Job& job, const std::string& input) {
  const Arguments& a = job.arguments;
  std::error_code error;
  const auto bytes = std::filesystem::file_size(input, error);
  return {{"input", input},
          {"bytes", error ? 0 : bytes},
          {"model", job.model},
          {"precision", a.precision},
          {"text_precision", a.text_precision},
          {"classes", a.words.list.classes},
          {"classes_file", a.words.list.classes_file},
          {"label_set", a.words.label_set},
          {"names", job.words.classes()},
          {"distractors", job.words.distractors()},
          {"templates", a.words.templates},
          {"save", a.save},
          {"format", a.format},
          {"labels_as", a.labels_as},
          {"quality", a.quality},
          {"no_sound", a.no_sound},
          {"background", a.background},
          {"palette", a.palette},
          {"first", a.first},
          {"frames", a.frames},
          {"stride", a.stride},
          {"temporal", a.temporal},
          {"every", a.every},
          {"short_side", a.short_side},
          {"preprocess", a.preprocessing}};
}

/// Parts to go on from; nothing for what is read only once, or twice.
std::optional<Parts> open_parts(const Job& job, const std::string& input, const std::string& stem) {
  const Arguments& a = job.arguments;
  if (!is_kept(a, input) || a.temporal == "clip") return {};
  return Parts(std::filesystem::path(a.output) / ("." + stem + ".parts"), settings(job, input), a.skip_done);
}

/// What is left of a source when `whole` parts are done. False: nothing.
bool go_on_behind(const std::vector<Part>& whole, SourceOptions& source) {
  if (whole.empty()) return true;
  for (const Part& part : whole) source.count -= source.count > 0 ? part.frames : 0;
  source.first = whole.back().next;
  source.goes_on = true;
  source.sound_done = whole.back().sound;
  return !whole.back().last;
}

/// The first pass over a video that is read twice.
void look_ahead(const std::string& input, const Job& job, Labeller& labeller) {
  Source source(source_options(job.arguments, input, job.interrupted));
  Progress progress("first pass", source.facts().frames, job.arguments.words.quiet);
  for (Frame frame; source.read(frame); progress.advance()) labeller.look_ahead(frame);
  require(!job.interrupted, "interrupted in the first of two passes; nothing is written");
}

/// Whether the source was whole.
bool segment_video(const std::string& input, const std::string& stem, const Job& job, Segmenter& segmenter) {
  const Arguments& a = job.arguments;
  SourceOptions reading = source_options(a, input, job.interrupted);
  std::optional<Parts> parts = open_parts(job, input, stem);
  if (parts && parts->done_before()) {
    log::info("{}: done before", input);
    return true;
  }
  const bool left = !parts || go_on_behind(parts->whole(), reading);
  Source source(reading);
  const SourceFacts& facts = source.facts();
  const std::int64_t before = parts ? parts->frames() : 0;
  if (before > 0) log::info("{}: {} frames were done before", input, before);
  log::info("{}: {} × {} pixels, {}{}", input, facts.width, facts.height, facts.codec,
            facts.rate.num > 0 ? fmt::format(", {:.4g} frames a second", facts.rate.value()) : "");
  Results results(a, source, stem, job.colors, job.other, parts ? &*parts : nullptr);
  Division division;
  if (parts)
    division = {a.part_frames, parts->whole().size(),
                [&](std::size_t part) { return parts->file(part, ".memory"); }};
  Labeller labeller(segmenter, job.words, job.options, a.every, steadying(a), division);
  if (a.temporal == "clip") look_ahead(input, job, labeller);
  std::optional<Truth> truth;
  if (!a.truth.empty()) truth.emplace(a.truth, static_cast<int>(job.colors.size()));
  Progress progress("frames", facts.frames, a.words.quiet);
  Pipeline::Stages stages;
  stages.label = [&](Work& work) {
    labeller.label(work);
    if (truth) truth->compare(work);
  };
  stages.write = [&](Work& work) { results.write(work); };
  stages.shown = [&](const Work&) { progress.advance(); };
  const Flow flow = left ? Pipeline::run(source, stages) : Flow{};
  progress.finish();
  require(flow.frames > 0 || !job.interrupted, "interrupted before the first frame; nothing is written");
  if (left && !job.interrupted) results.write_sound(source.rest_of_sound());
  results.finish(!job.interrupted);
  require(!job.interrupted, "interrupted; the {} frames so far are in {}{}", before + flow.frames, a.output,
          parts ? "; the same command with --skip-done goes on" : "");

  fmt::print("{}\n", summary(input, flow, labeller, results));
  if (truth) fmt::print("{}\n", truth->summary());
  std::fflush(stdout);
  const Damage damage = source.damage();
  if (damage.lost + damage.concealed == 0) return true;
  log::error("{}: damaged: {} packets gave no frame, {} frames are repaired as well as the decoder could",
             input, damage.lost, damage.concealed);
  return false;
}

/// Names of the results; no two inputs may have the same.
std::vector<std::string> stems_of(const std::vector<std::string>& inputs) {
  std::vector<std::string> stems;
  for (const std::string& input : inputs) {
    const std::string stem = stem_of(input);
    require(std::ranges::find(stems, stem) == stems.end(),
            "{}: its results would have the names of another input's ({}); give them different --output",
            input, stem);
    stems.push_back(stem);
  }
  return stems;
}

int run(const Arguments& a, const std::atomic<bool>& interrupted) {
  const std::vector<ClassName> classes = a.words.parse();
  const std::vector<Rgb> colors = class_colors(a.palette, a.words.label_set, classes.size());
  const std::vector<std::string> inputs = a.all_inputs(), stems = stems_of(inputs);
  for (const std::string& input : inputs)
    require(a.temporal != "clip" || is_kept(a, input),
            "{}: --temporal clip reads the video twice, which only a file allows; use --temporal stream",
            input);
  require(!a.skip_done || a.temporal != "clip",
          "--skip-done: a run with --temporal clip cannot go on where it was ended, since all of the clip is "
          "seen first; leave one of them out");
  require(!a.skip_done || a.truth.empty(),
          "--skip-done: --truth compares all of a video in one run; leave one of them out");
  const Model model = Model::load(a.model, a.model_options());
  const ModelFacts facts = model.facts();
  const SegmentationOptions options = segmentation_options(a, interrupted);
  require_background(facts, options.other);
  log_model(facts);
  const Vocabulary words = embed(model, classes, a.words, a.distractors, interrupted);
  const bool other = options.other || !words.distractors().empty();
  warn_of_single_class(classes, other);
  const Job job{a, interrupted, colors, words, other, options, facts.description};
  Segmenter segmenter = model.segmenter();
  int failed = 0, damaged = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs.size() == 1) return segment_video(inputs[i], stems[i], job, segmenter) ? 0 : 1;
    try {
      if (!segment_video(inputs[i], stems[i], job, segmenter)) ++damaged;
    } catch (const Error& e) {
      if (interrupted) throw;
      log::error("{} (skipped)", e.what());
      ++failed;
    }
  }
  require(failed < static_cast<int>(inputs.size()), "none of the {} videos could be segmented",
          inputs.size());
  if (failed > 0) log::error("{} of {} videos could not be segmented", failed, inputs.size());
  return failed + damaged > 0 ? 1 : 0;
}

}  // namespace
}  // namespace san::video

// NOLINTNEXTLINE(bugprone-exception-escape): nothing is left to do when the last words cannot be printed.
int main(int argc, char** argv) {
  CLI::App app{
      "Give every pixel of every frame of a video one of the classes you name. `san segment clip.mp4` is the "
      "same.",
      "san video"};
  san::video::Arguments arguments;
  arguments.add_to(app);
  return san::run_only_command(app, argc, argv, [&](const std::atomic<bool>& interrupted) {
    return san::video::run(arguments, interrupted);
  });
}
