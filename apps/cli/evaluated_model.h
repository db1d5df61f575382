#pragma once
#include <memory>

#include "engine/engine.h"
#include "engine/views.h"
#include "eval/evaluator.h"
#include "evaluate_arguments.h"

namespace san::cli {

/// The model of `san evaluate`, with the words of a dataset.
class EvaluatedModel {
 public:
  /// Throws Error as loading, --method and embedding the names do.
  EvaluatedModel(const EvaluateArguments& arguments, const DatasetSpec& spec, const Program& program);

  /// As --short-side, --tta, --window and --tile say.
  ViewOptions views() const;
  /// That labels with these answers and views. The bank is loaded, or made, when first asked for.
  std::unique_ptr<Predictor> predictor(const AnswerArguments& answers, const ViewOptions& views);
  /// Writes what the scores of an evaluation by this model tell of them.
  void save_calibration(const Evaluation& evaluation, const std::filesystem::path& path) const;

 private:
  std::shared_ptr<const TextEmbeddings> words(const AnswerArguments& answers);
  const ExampleBank& bank(const std::string& text, float& weight);

  const EvaluateArguments& a_;
  const Program& program_;
  std::string set_;  ///< of --synonyms
  std::vector<ClassName> classes_;
  std::shared_ptr<const Engine> engine_;
  std::shared_ptr<const TextEmbeddings> plain_;
  std::unique_ptr<const ExampleBank> bank_;
};

}  // namespace san::cli
