// `san export`, which alone needs protobuf and onnx.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>

#include "backend/native/native_backend.h"
#include "base/error.h"
#include "base/hash.h"
#include "export/export.h"
#include "export/exported_network.h"
#include "image/codec/decode.h"
#include "program/commands.h"
#include "program/companion.h"
#include "program/words/class_arguments.h"
#include "san/label_sets.hpp"
#include "world/samplers.h"

namespace san {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostPictures = 32;
constexpr std::uint64_t kScenes = 8;

struct Arguments {
  ExportRequest request;
  std::string size = "dynamic", precision = "fp32", calibrate, verify;
  ClassArguments classes;
  double noise_factor = 20;
  int threads = 0;
  bool quiet = false;
};

/// "640x864" → height and width.
void parse_size(const std::string& text, ExportRequest& request) {
  if (text == "dynamic") return;
  const std::size_t x = text.find('x');
  const auto number = [&](std::string_view digits) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    require(x != std::string::npos && error == std::errc{} && end == digits.data() + digits.size() &&
                value > 0 && value <= 65536,
            "--size {}: expected HEIGHTxWIDTH in pixels, for example 640x640, or dynamic", text);
    return value;
  };
  request.height = number(std::string_view(text).substr(0, x));
  request.width = number(std::string_view(text).substr(x == std::string::npos ? 0 : x + 1));
}

int verify(const Arguments& a) {
  require(golden_kind(a.verify) == GoldenKind::kInference, "{}: a recording of training; graphs do not train",
          a.verify);
  const auto make = [&](const SanConfig& config, const ParameterSource& parameters) {
    return make_exported_network(config, parameters, a.request.opset, a.threads);
  };
  const GoldenReport report = verify_inference(a.verify, make, {a.request.bpe, a.noise_factor, a.threads});
  fmt::print("{}", describe(report, "onnx"));
  return report.passed() ? 0 : 1;
}

/// What calibration sees: the user's pictures and the classes of ADE20K, else scenes of the demo world, none
/// of those that it is measured on.
void look_at_pictures(Arguments& a) {
  ExportRequest& r = a.request;
  if (!a.calibrate.empty()) {
    require(fs::is_directory(a.calibrate), "--calibrate {}: expected a folder of pictures", a.calibrate);
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(a.calibrate))
      if (entry.is_regular_file() && is_picture_name(entry.path())) files.push_back(entry.path());
    require(!files.empty(), "--calibrate {}: the folder has no pictures", a.calibrate);
    std::ranges::sort(files);
    if (files.size() > kMostPictures) files.resize(kMostPictures);
    for (const fs::path& file : files) r.calibration.push_back(decode_image(file));
    r.calibration_names = label_set_classes("ade20k-150");
    return;
  }
  const auto world =
      World::load(world_file("configs/world/measured.tsv"), {world_file("configs/world/pack.pictures")});
  const SceneSampler scenes(world, {}, fnv1a64("calibration"));
  for (std::uint64_t i = 0; i < kScenes; ++i) r.calibration.push_back(scenes.scene(i).image);
  r.calibration_names = parse_classes(scenes.class_names(), "the demo world");
}

int run(Arguments& a, const std::atomic<bool>& interrupted) {
  if (!a.verify.empty()) return verify(a);
  require(!a.request.folder.empty(), "no folder is given; expected --onnx DIR");
  parse_size(a.size, a.request);
  a.request.precision = a.precision == "int8"   ? ExportPrecision::kInt8
                        : a.precision == "fp16" ? ExportPrecision::kHalf
                                                : ExportPrecision::kFloat;
  a.request.threads = a.threads;
  a.request.quiet = a.quiet;
  a.request.cancelled = &interrupted;
  a.request.names = a.classes.parse();
  const bool int8 = a.request.precision == ExportPrecision::kInt8;
  require(int8 || a.calibrate.empty(), "--calibrate is for --precision int8");
  if (int8) look_at_pictures(a);
  const auto backend = make_native_backend({a.threads, nullptr});
  for (const ExportedFile& file : export_onnx(a.request, *backend))
    fmt::print("{}  {:.1f} MB  {}\n", file.path.string(), static_cast<double>(file.bytes) / 1e6,
               file.summary);
  return 0;
}

void add_options(CLI::App& app, Arguments& a) {
  ExportRequest& r = a.request;
  app.add_option("--onnx", r.folder, "Folder to write ONNX graphs, metadata.json and tokenizer.json into");
  app.add_option("--model", r.model, "A model as for `san segment`: default, a file, a name, or formula:NAME")
      ->capture_default_str();
  app.add_option("--bpe", r.bpe, "Tokenizer merges that replace the model's own");
  app.add_option("--precision", a.precision,
                 "Of the weights in the files: fp32; fp16 (half the size; arithmetic stays float32); int8 "
                 "(QDQ: the image "
                 "branch's linear layers with what they multiply, from calibration; the rest fp16)")
      ->check(CLI::IsMember({"fp32", "fp16", "int8"}))
      ->capture_default_str();
  app.add_option(
      "--calibrate", a.calibrate,
      "With int8: pictures like those that the graphs will see, a folder, of which at most 32 are taken; "
      "default: scenes of the demo world");
  app.add_option(
         "--most-changed", r.most_changed,
         "With int8: share of the pixels of these pictures that may get another label; layers stay float "
         "until it holds")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--opset", r.opset, "Version of the standard operator set, 17 to 21")->capture_default_str();
  app.add_option(
         "--size", a.size,
         "HEIGHTxWIDTH of the padded picture, multiples of 32, for runtimes without dynamic shapes; or "
         "dynamic: any, in batches")
      ->capture_default_str();
  app.add_option("--static-vocabulary", r.classes, "Fix the number of classes; default: any number")
      ->check(CLI::Range(1, 65535));
  auto* names = app.add_option_group("Classes", "To fold in; their embeddings are then no input");
  a.classes.add_to(*names);
  names->require_option(0, 1);
  app.add_flag(
      "--segmenter", r.segmenter,
      "Write segmenter.onnx too: 8-bit picture in, labels out, no other code needed (operator set 18)");
  app.add_flag("--external-data", r.external_data,
               "Weights in a file of their own beside each graph; always so beyond 2 GB");
  app.add_option(
      "--verify", a.verify,
      "Instead: recompute a golden file by graphs in ONNX Runtime, as `san verify --backend onnx` does");
  app.add_option("--noise-factor", a.noise_factor, "With --verify: bound, in units of the recorded noise")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("-j,--threads", a.threads, "Threads to use; 0: one per processor")->capture_default_str();
  app.add_flag("-q,--quiet", a.quiet, "No progress bars");
  app.footer(
      "Written are image.onnx (picture and text embeddings in, masks and class logits out), text.onnx "
      "(token\n"
      "numbers in, embeddings out), tokenizer.json and metadata.json, which says how they fit together.\n"
      "Exit code 0: all written, or all tensors agree; 1: some tensor differs; 2: it could not be done; "
      "130:\n"
      "interrupted.");
}

}  // namespace
}  // namespace san

// NOLINTNEXTLINE(bugprone-exception-escape): nothing is left to do when the last words cannot be printed.
int main(int argc, char** argv) {
  // In a build folder ONNX Runtime stands beside the programs' folder.
  const auto packages = san::program_folder().parent_path() / "node";
  if (std::filesystem::is_directory(packages / "node_modules"))
    ::setenv("SAN_ONNXRUNTIME_DIR", packages.c_str(), 0);
  CLI::App app{"Write a model as ONNX graphs, in which the vocabulary is an input.", "san export"};
  san::Arguments arguments;
  san::add_options(app, arguments);
  return san::run_only_command(app, argc, argv, [&](const std::atomic<bool>& interrupted) {
    return san::run(arguments, interrupted);
  });
}
