#include "library_options.h"

#include <optional>

#include "base/progress.h"

namespace san::cli {

ModelOptions model_options(const ModelArguments& a, const std::string& method, const Program& program) {
  if (a.backend == "torch") program.run_torch_companion();
  ModelOptions o;
  o.backend = a.backend;
  o.device = a.device;
  o.precision = a.precision;
  o.method = method;
  o.threads = a.threads;
  o.bpe_file = a.bpe;
  o.formula_seed = a.seed;
  return o;
}

Vocabulary embed(const Model& model, const std::vector<ClassName>& classes, const VocabularyArguments& a,
                 const Program& program) {
  VocabularyOptions o;
  if (!a.templates.empty()) o.templates = prompt_templates(a.templates);
  o.cache_folder = a.cache_dir;
  o.use_cache = !a.no_cache;
  o.watch.cancelled = &program.interrupted;
  std::optional<Progress> bar;
  std::int64_t shown = 0;
  o.watch.progress = [&](std::int64_t done, std::int64_t total) {
    if (!bar) bar.emplace("embedding names", total, a.quiet);
    bar->advance(done - shown);
    shown = done;
  };
  return model.vocabulary(classes, o);
}

}  // namespace san::cli
