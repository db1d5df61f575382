#include "library_options.h"

#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "base/progress.h"

namespace san::cli {

Model load_model(const ModelArguments& a, const std::string& method, const Program& program) {
  if (a.backend == "torch") program.run_torch_companion();
  ModelOptions o;
  o.backend = a.backend;
  o.device = a.device;
  o.precision = a.precision;
  o.method = method;
  o.threads = a.threads;
  o.bpe_file = a.bpe;
  o.formula_seed = a.seed;
  o.calibration = a.calibration;
  Model model = Model::load(a.model, o);
  tell_precision(a.backend, a.precision, model.facts().precision);
  return model;
}

namespace {

/// A progress bar for whatever embeds names.
class NamesBar {
 public:
  NamesBar(VocabularyOptions& options, bool quiet) {
    options.watch.progress = [this, quiet](std::int64_t done, std::int64_t total) {
      if (!bar_ || total != total_) {  // distractors are chosen first, then the classes are embedded
        bar_.emplace("embedding names", total, quiet);
        total_ = total;
        shown_ = 0;
      }
      bar_->advance(done - shown_);
      shown_ = done;
    };
  }

 private:
  std::optional<Progress> bar_;
  std::int64_t shown_ = 0, total_ = 0;
};

VocabularyOptions vocabulary_options(const VocabularyArguments& a, const Program& program) {
  VocabularyOptions o;
  if (!a.templates.empty()) o.templates = prompt_templates(a.templates);
  o.cache_folder = a.cache_dir;
  o.use_cache = !a.no_cache;
  o.watch.cancelled = &program.interrupted;
  return o;
}

/// Those of --distractors; where it is not given the library decides.
void set_distractors(VocabularyOptions& o, const Model& model, const std::vector<ClassName>& classes,
                     const std::string& given, const std::vector<ClassName>& listed) {
  o.choose_distractors = given.empty();
  if (given == "auto") o.distractors = model.distractors(classes, o);
  for (const ClassName& c : listed) o.distractors.push_back(fmt::format("{}", fmt::join(c.names, "|")));
}

}  // namespace

Vocabulary embed(const Model& model, const std::vector<ClassName>& classes, const VocabularyArguments& a,
                 const Program& program) {
  AnswerArguments none;
  none.distractors = "none";
  return embed(model, classes, a, none, program);
}

Vocabulary embed(const Model& model, const std::vector<ClassName>& classes, const VocabularyArguments& a,
                 const AnswerArguments& answers, const Program& program) {
  VocabularyOptions o = vocabulary_options(a, program);
  const Vocabulary words = [&] {
    const NamesBar bar(o, a.quiet);
    set_distractors(o, model, classes, answers.distractors, answers.listed_distractors());
    return model.vocabulary(classes, o);
  }();
  if (const auto others = words.distractors(); !others.empty()) log::info("{}", describe_distractors(others));
  if (answers.bank.empty()) return words;
  const BankChoice choice = parse_bank_choice(answers.bank);
  return model.with_bank(words, Bank::load(choice.file), choice.weight);
}

}  // namespace san::cli
