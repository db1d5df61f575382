#include "evaluated_model.h"

#include <cmath>

#include "bank/builder.h"
#include "bank/retrieval.h"
#include "base/error.h"
#include "base/log.h"
#include "engine/network_hash.h"
#include "engine/score_calibration.h"
#include "engine_options.h"
#include "model_predictor.h"
#include "program/words/distractors.h"
#include "text/class_names.h"

namespace san::cli {

EvaluatedModel::EvaluatedModel(const EvaluateArguments& arguments, const DatasetSpec& spec,
                               const Program& program)
    : a_(arguments), program_(program), set_(arguments.synonyms_of(spec.name)), classes_(spec.vocabulary()) {
  LoadedModel model = a_.model.load();
  std::unique_ptr<Backend> backend = a_.model.make_backend(model, program);
  engine_ = std::make_shared<const Engine>(std::move(model), std::move(backend), a_.method);
  if (engine_->model().random_weights) log::warn("{}", engine_->model().description);
  plain_ = engine_->encode(classes_, engine_options(a_.words(), program_));
}

ViewOptions EvaluatedModel::views() const {
  const InputSize input = engine_->method().input();
  ViewOptions views;
  views.short_side = a_.short_side > 0 ? a_.short_side : input.short_side;
  views.max_side = input.long_side;
  views.augment = a_.views.augment;
  views.window = a_.views.window;
  views.tiles = {a_.views.tile.side, a_.views.tile.overlap};
  return views;
}

/// The classes, and the distractors that were asked for behind them.
std::shared_ptr<const TextEmbeddings> EvaluatedModel::words(const AnswerArguments& answers) {
  std::vector<ClassName> others = listed_distractors(answers.distractors);
  if (answers.distractors == "auto")
    others = engine_->distractors(classes_, engine_options(a_.words(), program_));
  if (others.empty() && answers.synonyms == "none") return plain_;
  std::vector<ClassName> all = answers.named(classes_, set_);
  if (!others.empty()) log::info("{}", describe_distractors(class_labels(others)));
  all.insert(all.end(), others.begin(), others.end());
  TextEmbeddings words = *engine_->encode(all, engine_options(a_.words(), program_));
  words.distractors = static_cast<int>(others.size());
  return std::make_shared<const TextEmbeddings>(std::move(words));
}

/// The bank of --bank: a file, or scenes of the demo world made for it. Sets the weight that was asked for.
const ExampleBank& EvaluatedModel::bank(const std::string& text, float& weight) {
  constexpr std::string_view kWorld = "demo-world:";
  const BankChoice choice = parse_bank_choice(text);
  weight = choice.weight;
  if (!text.starts_with(kWorld)) {
    if (!bank_) bank_ = std::make_unique<const ExampleBank>(load_bank(choice.file));
    return *bank_;
  }
  // demo-world:N[:WEIGHT]
  const std::size_t colon = text.find(':', kWorld.size());
  const BankChoice counted = parse_bank_choice(text.substr(0, colon));
  require(a_.is_demo_world() && counted.weight >= 1 && counted.weight == std::floor(counted.weight),
          "--bank {}: expected demo-world:N, N pictures a class, with --dataset demo-world", text);
  if (colon == std::string::npos) weight = -1;
  if (!bank_)
    bank_ = std::make_unique<const ExampleBank>(
        demo_world_bank(a_.world, a_.split, static_cast<int>(counted.weight), engine_, plain_, a_.cache_dir,
                        a_.model.threads, a_.quiet, program_.interrupted));
  return *bank_;
}

std::unique_ptr<Predictor> EvaluatedModel::predictor(const AnswerArguments& answers,
                                                     const ViewOptions& views) {
  require(!answers.refine || views.tiles.side == 0,
          "--refine: edges of tiles cannot be refined; leave out --tile");
  std::shared_ptr<const TextEmbeddings> asked = words(answers);
  if (!answers.bank.empty()) {
    float weight = -1;
    const ExampleBank& examples = bank(answers.bank, weight);
    asked = with_examples(*asked, examples, network_hash(engine_->model()), weight);
  }
  PredictionOptions how;
  how.refine = answers.refine, how.min_score = answers.min_score, how.bank = answers.bank;
  how.synonyms = answers.synonyms == "auto";
  return model_predictor(engine_, std::move(asked), views, how, a_.model.threads, &program_.interrupted);
}

void EvaluatedModel::save_calibration(const Evaluation& e, const std::filesystem::path& path) const {
  ScoreCalibration found;
  found.curve = fit_curve(e.reliability);
  found.network = network_hash(engine_->model());
  found.pictures = fmt::format("{}, {}: {} images", e.title, e.split, e.images.size());
  if (e.shard_count > 1)
    found.pictures += fmt::format(" (shard {} of {})", fmt::join(e.shards, ", "), e.shard_count);
  found.settings = e.settings;
  found.error_of_scores = *e.reliability.expected_error();
  found.error_of_probabilities = *e.reliability.expected_error(found.curve);
  save_score_calibration(found, path);
  fmt::print(stderr,
             "written: {}: {:.4g}·score^{:.4g}, expected calibration error {:.3f} instead of {:.3f} on these "
             "images\n",
             path.string(), found.curve.a, found.curve.b, found.error_of_probabilities,
             found.error_of_scores);
}

}  // namespace san::cli
