#include "engine/loaded_model.h"

#include "base/error.h"
#include "base/hash.h"
#include "checkpoint/conversion.h"
#include "checkpoint/formula.h"
#include "checkpoint/model_file.h"
#include "embedded/formula_merges.h"
#include "engine/default_model.h"
#include "engine/score_calibration.h"
#include "engine/text_hash.h"
#include "hub/store.h"

namespace san {
namespace {

/// Of the model's own merges, or of those that replace them.
std::shared_ptr<const BpeTokenizer> make_tokenizer(std::string_view own, const std::string& own_name,
                                                   const std::string& replacement, const TextTower& tower) {
  const std::string& where = replacement.empty() ? own_name : replacement;
  const auto build = [&] {
    if (replacement.empty()) return BpeTokenizer::of_text(std::string(own), own_name, tower.context);
    try {
      return BpeTokenizer(load_bpe_merges(replacement), tower.context);
    } catch (const Error& error) {
      fail("{}: {}", where, error.what());
    }
  };
  auto tokenizer = std::make_shared<const BpeTokenizer>(build());
  require(
      tokenizer->vocabulary_size() <= tower.vocabulary,
      "{}: its merges make {} tokens, but the text tower knows {}; use the merges the model was trained with",
      where, tokenizer->vocabulary_size(), tower.vocabulary);
  return tokenizer;
}

LoadedModel formula_model(const std::string& model, const LoadOptions& options) {
  LoadedModel m;
  m.name = model;
  m.architecture = "san";
  m.config = {SanConfig::named(model.substr(std::string("formula:").size())).to_json(), model};
  const ArchitectureInfo architecture = find_architecture(m.architecture, model);
  m.description = model + ": generated (random) weights, for tests and timing; its labels mean nothing";
  m.parameters =
      std::make_shared<FormulaSource>(architecture.parameters(m.config), options.formula_seed, model);
  m.templates = load_templates("vild");
  m.text_hash = Sha256().update(model + "\n" + options.formula_seed).hex();
  m.random_weights = true;
  // Random weights know no spelling, so without CLIP's merges a small set learned from the published label
  // sets and templates will do: it spells their longest names within CLIP's context.
  m.tokenizer = make_tokenizer(embedded::formula_merges(), "built-in merges", options.bpe_file,
                               architecture.text(m.config));
  return m;
}

LoadedModel file_model(const std::string& name, ModelSource source, const LoadOptions& options) {
  const ModelMetadata& metadata = *source.metadata;
  const std::string where = source.parameters->description();
  LoadedModel m;
  m.name = name;
  m.architecture = metadata.architecture;
  m.config = {metadata.config, where};
  const ArchitectureInfo architecture = find_architecture(m.architecture, where);
  require_same_parameters(architecture.parameters(m.config), *source.parameters);
  m.parameters = source.parameters;
  m.int8 = source.int8;
  const TextTower tower = architecture.text(m.config);
  m.tokenizer = make_tokenizer(metadata.merges, where + ", tokenizer merges", options.bpe_file, tower);
  try {
    m.templates = make_templates("the model's", metadata.templates);
  } catch (const Error& error) {
    fail("{}: {}", where, error.what());
  }
  m.license = metadata.license;
  m.card = metadata.model_card;
  const auto title = metadata.extra.find("title");
  m.description = title != metadata.extra.end() ? title->second : where;
  m.untrained_adapter = metadata.extra.contains("adapter") && metadata.extra.at("adapter") == "untrained";
  const auto hash = metadata.extra.find(kTextHashKey);
  m.text_hash =
      hash != metadata.extra.end() ? hash->second : hash_text_tower(m.config.json, tower, *m.parameters);
  return m;
}

}  // namespace

SanConfig san_config(const LoadedModel& model, const std::string& purpose) {
  require(model.architecture == "san", "{}: {} takes SAN networks, and this model's architecture is \"{}\"",
          model.name, purpose, model.architecture);
  return SanConfig::from_json(model.config.json, model.config.where);
}

LoadedModel load_model(const std::string& model, const LoadOptions& options) {
  LoadedModel m = model.starts_with("formula:") ? formula_model(model, options)
                  : model == "default"          ? file_model(model, open_default_model(), options)
                                       : file_model(model, open_model_file(model_file_of(model)), options);
  m.curve = find_curve(m, options.calibration);
  return m;
}

}  // namespace san
