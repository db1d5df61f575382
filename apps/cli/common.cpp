#include "common.h"

#include <cstdio>

#include "backend/factory/factory.h"
#include "backend/native/native_backend.h"
#include "base/error.h"
#include "base/log.h"
#include "engine/int8_weights.h"
#include "engine_options.h"
#include "program/companion.h"
#include "text/prompt_templates.h"

namespace san::cli {

void ModelArguments::add_to(CLI::App& app) {
  app.add_option(
         "-m,--model", model,
         "Model file (made by `san convert` or `san train`), a name that `san pull` was given, \"default\" "
         "(built in), or formula:vit-b-16 | formula:vit-l-14-336 (the real networks with random weights)")
      ->capture_default_str();
  app.add_option("--backend", backend, "What computes: native, reference, torch")->capture_default_str();
  app.add_option("--device", device, "torch only: cpu, cuda, cuda:N")->capture_default_str();
  app.add_option(
         "--precision", precision,
         "fp32; int8 (native: linear layers of the image's transformer blocks); bf16 (native: those and "
         "attention, where the processor multiplies it; torch: all); fp16 (torch on CUDA); auto: what is "
         "fastest here, which is said; model: int8 for a file of int8 "
         "weights where that is faster, which is said, else fp32")
      ->capture_default_str();
  app.add_option(
         "--text-precision", text_precision,
         "What words are computed in, once for a vocabulary: fp32; int8 (native: linear layers of the text "
         "tower's transformer blocks) or bf16, where the processor multiplies it; auto: int8 where that "
         "is faster, which is said")
      ->capture_default_str();
  app.add_option("-j,--threads", threads, "Threads to use; 0: one per processor")
      ->capture_default_str()
      ->check(CLI::Range(0, 1024));
  app.add_option("--bpe", bpe,
                 "Tokenizer merges that replace the model's own (CLIP's bpe_simple_vocab_16e6.txt.gz, "
                 "merges.txt or tokenizer.json)");
  app.add_option("--seed", seed, "Seed of formula: weights");
}

LoadedModel ModelArguments::load() const {
  LoadedModel loaded = load_model(model, {bpe, seed, calibration});
  loaded.text_precision = chosen_text_precision(backend, text_precision);
  tell_text_precision(text_precision, loaded.text_precision);
  return loaded;
}

std::unique_ptr<Backend> ModelArguments::make_backend(const LoadedModel& loaded,
                                                      const Program& program) const {
  if (backend == "torch") program.run_torch_companion();
  const std::string chosen = chosen_precision(backend, precision, !loaded.int8.empty());
  tell_precision(backend, precision, chosen);
  return san::make_backend(backend, {threads, device, chosen, nullptr, int8_rule(loaded),
                                     loaded.text_precision, text_rule(loaded)});
}

void tell_text_precision(const std::string& asked, const std::string& chosen) {
  if (asked == "auto") log::info("--text-precision auto: {}", chosen);
}

void tell_precision(const std::string& backend, const std::string& asked, const std::string& chosen) {
  const std::string what = backend == "native" ? fmt::format("{} ({}, bytes multiplied by {})", chosen,
                                                             native_instruction_set(), native_int8_form())
                                               : chosen;
  if (asked == "auto") log::info("--precision auto: {}", what);
  if (asked == "model" && chosen != "fp32")
    log::info("the model's weights are {}, so is what computes: {}; --precision fp32 computes in float32",
              chosen, what);
}

void add_calibration_option(CLI::App& app, std::string& calibration) {
  app.add_option(
      "--calibration", calibration,
      "How often labels of a score are right: FILE that `san evaluate --calibrate` wrote for the model, "
      "or none; default: the built-in model's own, none for others");
}

void add_method_option(CLI::App& app, std::string& method) {
  app.add_option("--method", method,
                 "How labels are made, if not as the model file says: " + describe_methods())
      ->check(CLI::IsMember(method_names()));
}

Engine::VocabularyOptions engine_options(const VocabularyArguments& a, const Program& program) {
  Engine::VocabularyOptions o;
  if (!a.templates.empty()) o.templates = load_templates(a.templates).texts;
  o.cache = a.cache_dir;
  o.use_cache = !a.no_cache;
  o.quiet = a.quiet;
  o.cancelled = &program.interrupted;
  return o;
}

Grid parse_size(const std::string& text) {
  int height = 0, width = 0, used = 0;
  const bool read = std::sscanf(text.c_str(), "%5dx%5d%n", &height, &width, &used) == 2;
  require(
      read && static_cast<std::size_t>(used) == text.size() && height > 0 && width > 0 && height % 32 == 0 &&
          width % 32 == 0,
      "--size {}: expected HEIGHTxWIDTH, both multiples of 32 (inputs are padded to them), such as 640x864",
      text);
  return {height, width};
}

}  // namespace san::cli
