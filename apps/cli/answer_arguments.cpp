#include "answer_arguments.h"

#include "base/error.h"
#include "base/log.h"
#include "program/bank_argument.h"
#include "program/words/distractors.h"
#include "san/label_sets.hpp"

namespace san::cli {

BankChoice parse_bank_choice(const std::string& text) {
  const BankArgument argument = parse_bank_argument(text);
  return {argument.file, argument.weight};
}

void AnswerArguments::add_to(CLI::App& app, const char* bank_help, const char* usual) {
  app.add_option("--bank", bank, bank_help);
  add_distractors_option(app, distractors, usual);
  app.add_option(
         "--synonyms", synonyms,
         "auto: ask for classes by other names too (couch for sofa), as written for each label set and, "
         "with the built-in model, for the demo world; the best of them counts")
      ->check(CLI::IsMember({"none", "auto"}))
      ->capture_default_str();
  app.add_flag("--refine", refine, "Edges between labels follow those of the picture");
  app.add_option(
         "--min-score", min_score,
         "Pixels whose label is right with less than this probability become \"other\"; of models without "
         "--calibration: whose score is below it; 0: none")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
}

std::vector<ClassName> AnswerArguments::named(std::vector<ClassName> classes, const std::string& set) const {
  if (synonyms == "none") return classes;
  require(
      !set.empty(),
      "--synonyms auto: other names are known for label sets ({}), and with the built-in model for the demo "
      "world; write yours as \"sofa|couch\"",
      fmt::join(shipped_label_sets(), ", "));
  std::vector<ClassName> all = with_synonyms(classes, set);
  std::size_t changed = 0;
  for (std::size_t k = 0; k < all.size(); ++k)
    changed += all[k].names.size() > classes[k].names.size() ? 1 : 0;
  log::info("{} of {} classes are asked for by other names too", changed, all.size());
  return all;
}

}  // namespace san::cli
