#include "options.h"

#include <algorithm>

#include "base/error.h"
#include "program/common_options.h"
#include "program/words/distractors.h"

namespace san::video {
namespace {

void add_model(CLI::App& app, Arguments& a) {
  app.add_option("-m,--model", a.model, "Model file, name, \"default\" (built in) or formula:…")
      ->capture_default_str();
  app.add_option("--backend", a.backend, "What computes")
      ->check(CLI::IsMember(backends()))
      ->capture_default_str();
  app.add_option(
         "--precision", a.precision,
         "fp32; int8 (native: linear layers of the image's transformer blocks); bf16 (those and attention, "
         "where the processor multiplies it); auto: what is fastest here; model: int8 for a file of int8 "
         "weights where that is faster, else fp32")
      ->check(CLI::IsMember({"fp32", "int8", "bf16", "auto", "model"}))
      ->capture_default_str();
  app.add_option("--text-precision", a.text_precision,
                 "What words are computed in, once for a vocabulary: fp32; int8; bf16 where the processor "
                 "multiplies it; auto: int8 where that is faster")
      ->check(CLI::IsMember({"fp32", "int8", "bf16", "auto"}))
      ->capture_default_str();
  app.add_option("--method", a.method, "How labels are made; default: as the model was made for")
      ->check(CLI::IsMember(methods()));
  app.add_option("-j,--threads", a.threads, "Threads that the network uses; 0: one per processor")
      ->capture_default_str()
      ->check(CLI::Range(0, 1024));
  app.add_option("--bpe", a.bpe, "Tokenizer merges that replace the model's own");
  app.add_option("--seed", a.seed, "Seed of formula: weights");
}

void add_results(CLI::App& app, Arguments& a) {
  app.add_option("-o,--output", a.output, "Folder for the results, created if missing")
      ->capture_default_str();
  app.add_option("-s,--save", a.save,
                 "What to write, separated by commas: video (the overlay, with the sound), labels (class "
                 "indices, lossless), json (a line per frame: time, areas, latency)")
      ->delimiter(',')
      ->check(CLI::IsMember({"video", "labels", "json"}))
      ->capture_default_str();
  app.add_option(
         "--format", a.format,
         "Of the overlay: mp4 or mkv (H.264), webm (VP9); auto: mp4, or mkv where mp4 cannot hold the sound")
      ->check(CLI::IsMember({"auto", "mp4", "mkv", "webm"}))
      ->capture_default_str();
  app.add_option("--labels-as", a.labels_as, "ffv1 (one .mkv) or png (a folder, named by frame number)")
      ->check(CLI::IsMember({"ffv1", "png"}))
      ->capture_default_str();
  app.add_option("--quality", a.quality,
                 "Constant rate factor of the overlay, lower is better; 0: 20 (VP9: 32)")
      ->check(CLI::Range(0, 63))
      ->capture_default_str();
  app.add_flag("--no-sound", a.no_sound, "Leave the sound out");
  add_background_option(app, a.background);
  app.add_option("--palette", a.palette,
                 "distinct: fixed, easily told apart; dataset: the label set's customary colours")
      ->check(CLI::IsMember({"distinct", "dataset"}))
      ->capture_default_str();
}

void add_frames(CLI::App& app, Arguments& a) {
  app.add_option("--first", a.first, "Number of the first frame, from 0")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 40))
      ->capture_default_str();
  app.add_option("--frames", a.frames, "Frames to take at most; 0: all")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 40))
      ->capture_default_str();
  app.add_option("--stride", a.stride, "Take every Nth frame only; times stay as they are")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  app.add_flag(
      "--live", a.live,
      "Take the frames of a file when they are due, and drop those that come while the network is busy, as "
      "is always done with cameras and rtsp://");
  app.add_option("--max-pixels", a.max_pixels, "Refuse larger frames before decoding them")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 30))
      ->capture_default_str();
}

}  // namespace

void Arguments::add_to(CLI::App& app) {
  app.add_option(
      "inputs", inputs,
      "Video files, numbered pictures (frames/%05d.png), rtsp:// or http(s):// addresses, /dev/videoN");
  app.add_option("-i,--input", named_inputs, "The same, and - for a video on standard input");
  add_model(app, *this);
  words.add_to(app, true);
  add_distractors_option(app, distractors, "auto for fewer than 20 classes");
  add_results(app, *this);
  add_frames(app, *this);
  app.add_option("--temporal", temporal,
                 "off; stream: what a mask is called is averaged with the frames before; clip: with all "
                 "frames, in two "
                 "passes")
      ->check(CLI::IsMember({"off", "stream", "clip"}))
      ->capture_default_str();
  app.add_option("--every", every,
                 "Run the network on every Nth frame, and where the scene changes; carry labels along the "
                 "motion between")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option(
      "--truth", truth,
      "Folder of known labels, 00000.png for the first frame: also prints how good the labels are and how "
      "much they flicker");
  add_short_side_option(app, short_side);
  app.add_option("--preprocess", preprocessing, "evaluation (bilinear) or demo (bicubic), as for pictures")
      ->check(CLI::IsMember({"evaluation", "demo"}))
      ->capture_default_str();
  app.add_flag("--skip-done", skip_done,
               "Go on where an earlier run with the same settings was ended; leave out videos that were done "
               "with --skip-done");
  app.add_option("--part", part_frames,
                 "Frames between the points where a run that was ended can go on; how many, the frames that "
                 "the network sees decide")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  app.footer(
      "Example: san segment clip.mp4 --classes \"cat, sofa|couch, wall\" --save video,labels -o out\n"
      "What is written, in what formats, and what was measured: docs/video.md.\n"
      "Exit code 0: every frame done; 1: some of the source was damaged (said on standard error); 2: nothing "
      "could be "
      "done; 130: interrupted, the frames so far are in files that can be played, and --skip-done goes on.");
}

std::vector<std::string> Arguments::all_inputs() const {
  std::vector<std::string> all = inputs;
  all.insert(all.end(), named_inputs.begin(), named_inputs.end());
  require(!all.empty(), "video: expected videos, such as clip.mp4, or --input -; got none");
  return all;
}

bool Arguments::saves(std::string_view what) const {
  return std::ranges::find(save, what) != save.end();
}

ModelOptions Arguments::model_options() const {
  ModelOptions o;
  o.backend = backend;
  o.precision = precision;
  o.text_precision = text_precision;
  o.method = method;
  o.threads = threads;
  o.bpe_file = bpe;
  o.formula_seed = seed;
  return o;
}

}  // namespace san::video
