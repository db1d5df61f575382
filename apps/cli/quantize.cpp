#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "backend/factory/factory.h"
#include "backend/native/native_backend.h"
#include "base/error.h"
#include "base/log.h"
#include "base/progress.h"
#include "commands.h"
#include "common.h"
#include "engine/conversion.h"
#include "engine/default_model.h"
#include "engine/int8_weights.h"
#include "engine/quantization.h"
#include "engine_options.h"
#include "image_inputs.h"
#include "picture_arguments.h"

namespace san::cli {
namespace {

struct Arguments {
  std::string model = "default", bpe;
  int threads = 0, limit = 16;
  VocabularyArguments vocabulary;
  PictureArguments decoding;
  std::vector<std::string> pictures;
  std::filesystem::path output;
  double agreement = 99;
  bool report = false, json = false;
};

constexpr std::size_t kShown = 8;

std::vector<Image> read_pictures(const Arguments& a) {
  std::vector<Image> pictures;
  for (const ImageInput& input : find_images(a.pictures)) {
    if (static_cast<int>(pictures.size()) == a.limit) break;
    require(!input.from_standard_input(), "quantize: calibration pictures are files or folders, not \"-\"");
    pictures.push_back(load_image(input.path, a.decoding.decode));
  }
  return pictures;
}

QuantizationReport measure(const Arguments& a, const LoadedModel& model, const Program& program) {
  QuantizationOptions options;
  options.agreement = a.agreement / 100;
  options.threads = a.threads;
  options.cancelled = &program.interrupted;
  std::optional<Progress> bar;
  std::int64_t shown = 0;
  options.progress = [&](std::int64_t done, std::int64_t total) {
    if (!bar) bar.emplace("comparing labels", total, a.vocabulary.quiet);
    bar->advance(done - shown);
    shown = done;
  };
  const auto pool = std::make_shared<ThreadPool>(a.threads);
  const Int8BackendMaker backend = [&](auto int8, bool exact_attention) {
    BackendOptions o{a.threads, "cpu", int8 ? "int8" : "fp32", pool, int8};
    o.exact_attention = exact_attention;
    return make_backend("native", o);
  };
  return measure_quantization(model, backend, read_pictures(a), a.vocabulary.parse(),
                              engine_options(a.vocabulary, program), options);
}

void print_json(const QuantizationReport& r) {
  nlohmann::ordered_json out{{"pictures", r.pictures},
                             {"pixels", r.pixels},
                             {"agreement_of_all", r.agreement_of_all},
                             {"agreement_of_attention", r.agreement_of_attention},
                             {"agreement", r.agreement},
                             {"bytes_multiplied_by", native_int8_form()}};
  for (const LayerError& l : r.layers)
    out["layers"].push_back({{"name", l.name},
                             {"weights", l.weights},
                             {"weight_error", l.weight_error},
                             {"agreement", l.agreement},
                             {"kept", l.kept}});
  fmt::print("{}\n", out.dump(2));
}

void print_text(const Arguments& a, const QuantizationReport& r) {
  fmt::print("{:<64}{:>10}{:>15}{:>19}\n", "layer alone in int8", "weights", "weight error",
             "labels that change");
  fmt::print("{:<89}{:>18.3f}%\n", "attention, every layer in float32", 100 * (1 - r.agreement_of_attention));
  std::size_t printed = 0;
  for (const LayerError& l : r.layers) {
    if (!a.report && printed++ == kShown) {
      fmt::print("and {} more, which change fewer (--report shows all)\n", r.layers.size() - kShown);
      break;
    }
    fmt::print("{:<64}{:>10}{:>14.2f}%{:>18.3f}%{}\n", l.name, l.weights, 100 * l.weight_error,
               100 * (1 - l.agreement), l.kept ? "  kept in float32" : "");
  }
  fmt::print("\n{} pictures, {} pixels: {:.3f} % keep their label with all {} layers in int8\n", r.pictures,
             r.pixels, 100 * r.agreement_of_all, r.layers.size());
  const std::size_t kept = r.kept().size();
  if (kept > 0) fmt::print("{:.3f} % with {} of them kept in float32\n", 100 * r.agreement, kept);
}

void run(const Arguments& a, const Program& program) {
  const LoadedModel model = load_model(a.model, {a.bpe, ""});
  require(model.int8.empty(), "{}: its weights are int8 already; give the model that it was made of",
          a.model);
  if (model.random_weights) log::warn("{}", model.description);
  const QuantizationReport report = measure(a, model, program);
  if (a.json)
    print_json(report);
  else
    print_text(a, report);
  if (a.output.empty()) return;
  ConvertRequest request;
  request.input = a.model;
  request.output = a.output;
  request.bpe = a.bpe;
  request.int8 = true;
  request.dtype = DType::kF16;
  request.kept = report.kept();
  convert_model(request, open_any_model(a.model));
  fmt::print(stderr, "wrote {} ({:.1f} MB)\n", a.output.string(),
             static_cast<double>(std::filesystem::file_size(a.output)) / 1e6);
}

}  // namespace

void add_quantize(CLI::App& app, Program& program) {
  auto* command = app.add_subcommand(
      "quantize", "Measure on pictures what int8 changes, layer by layer, and write a model of int8 weights");
  const auto a = std::make_shared<Arguments>();
  command
      ->add_option("pictures", a->pictures,
                   "Pictures like those the model is for, without labels: files, folders, quoted globs")
      ->required();
  command->add_option("-m,--model", a->model, "Model file, a name that `san pull` was given, or \"default\"")
      ->capture_default_str();
  a->vocabulary.add_to(*command, true);
  a->decoding.add_to(*command);
  command
      ->add_option(
          "--agreement", a->agreement,
          "Percent of pixels that must keep the label that float32 gives them: the layers that change "
          "most labels stay float32 until they do")
      ->check(CLI::Range(0.0, 100.0))
      ->capture_default_str();
  command->add_option("--limit", a->limit, "Use the first so many pictures")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  command->add_option("-o,--output", a->output, "Model file of int8 weights to write (.safetensors)");
  command->add_flag("--report", a->report, "Show every layer, not the worst alone");
  command->add_flag("--json", a->json, "JSON on standard output");
  command->add_option("-j,--threads", a->threads, "Threads to use; 0: one per processor")
      ->capture_default_str()
      ->check(CLI::Range(0, 1024));
  command->add_option("--bpe", a->bpe, "Tokenizer merges that replace the model's own");
  command->footer(
      "Example: san quantize photos/ --classes \"cat, sofa|couch, wall\" --report -o small.safetensors; then "
      "san segment photo.jpg --model small.safetensors --precision int8 …");
  command->callback([a, &program] { run(*a, program); });
}

}  // namespace san::cli
