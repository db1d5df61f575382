#include "library_options.h"

namespace san::cli {

Model load_model(const ModelArguments& a, const std::string& method, const Program& program,
                 const std::optional<ThreadBudget>& threads) {
  if (a.backend == "torch") program.run_torch_companion();
  ModelOptions o;
  o.backend = a.backend;
  o.device = a.device;
  o.precision = a.precision;
  o.text_precision = a.text_precision;
  o.method = method;
  o.threads = a.threads;
  o.budget = threads;
  o.bpe_file = a.bpe;
  o.formula_seed = a.seed;
  o.calibration = a.calibration;
  Model model = Model::load(a.model, o);
  tell_precision(a.backend, a.precision, model.facts().precision);
  tell_text_precision(a.text_precision, model.facts().text_precision);
  return model;
}

Vocabulary with_bank(const Model& model, Vocabulary words, const AnswerArguments& answers) {
  if (answers.bank.empty()) return words;
  const BankChoice choice = parse_bank_choice(answers.bank);
  return model.with_bank(words, Bank::load(choice.file), choice.weight);
}

}  // namespace san::cli
