#include "library_options.h"

#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "base/progress.h"

namespace san::cli {

ModelOptions model_options(const ModelArguments& a, const std::string& method, const Program& program) {
  if (a.backend == "torch") program.run_torch_companion();
  ModelOptions o;
  o.backend = a.backend;
  o.device = a.device;
  o.precision = told_precision(a.backend, a.precision);
  o.method = method;
  o.threads = a.threads;
  o.bpe_file = a.bpe;
  o.formula_seed = a.seed;
  return o;
}

namespace {

/// A progress bar for whatever embeds names.
class NamesBar {
 public:
  NamesBar(VocabularyOptions& options, bool quiet) {
    options.watch.progress = [this, quiet](std::int64_t done, std::int64_t total) {
      if (!bar_) bar_.emplace("embedding names", total, quiet);
      bar_->advance(done - shown_);
      shown_ = done;
    };
  }

 private:
  std::optional<Progress> bar_;
  std::int64_t shown_ = 0;
};

VocabularyOptions vocabulary_options(const VocabularyArguments& a, const Program& program) {
  VocabularyOptions o;
  if (!a.templates.empty()) o.templates = prompt_templates(a.templates);
  o.cache_folder = a.cache_dir;
  o.use_cache = !a.no_cache;
  o.watch.cancelled = &program.interrupted;
  return o;
}

std::vector<std::string> distractors(const Model& model, const std::vector<ClassName>& classes,
                                     const VocabularyArguments& a, const AnswerArguments& answers,
                                     const Program& program) {
  if (answers.choose_distractors(classes.size(), model.facts().random_weights)) {
    VocabularyOptions o = vocabulary_options(a, program);
    const NamesBar bar(o, a.quiet);
    return model.distractors(classes, o);
  }
  std::vector<std::string> names;
  for (const ClassName& c : answers.listed_distractors())
    names.push_back(fmt::format("{}", fmt::join(c.names, "|")));
  return names;
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
  o.distractors = distractors(model, classes, a, answers, program);
  if (!o.distractors.empty()) log::info("{}", describe_distractors(o.distractors));
  const NamesBar bar(o, a.quiet);
  const Vocabulary words = model.vocabulary(classes, o);
  if (answers.bank.empty()) return words;
  const BankChoice choice = parse_bank_choice(answers.bank);
  return model.with_bank(words, Bank::load(choice.file), choice.weight);
}

}  // namespace san::cli
