#include "engine/loaded_model.h"

#include <algorithm>

#include "base/error.h"
#include "base/hash.h"
#include "checkpoint/conversion.h"
#include "checkpoint/formula.h"
#include "checkpoint/model_file.h"
#include "embedded/formula_merges.h"
#include "engine/default_model.h"
#include "hub/store.h"
#include "model/san.h"

namespace san {
namespace {

std::vector<NamedShape> required_parameters(const SanConfig& config) {
  std::vector<NamedShape> shapes;
  for (const Declaration& d : declare_parameters(config)) shapes.push_back({d.name, d.shape});
  return shapes;
}

std::shared_ptr<const BpeTokenizer> make_tokenizer(BpeMerges merges, const SanConfig& config,
                                                   const std::string& where) {
  auto tokenizer =
      std::make_shared<const BpeTokenizer>(std::move(merges), static_cast<int>(config.clip.context));
  require(
      tokenizer->vocabulary_size() <= config.clip.vocabulary,
      "{}: its merges make {} tokens, but the text tower knows {}; use the merges the model was trained with",
      where, tokenizer->vocabulary_size(), config.clip.vocabulary);
  return tokenizer;
}

LoadedModel formula_model(const std::string& model, const LoadOptions& options) {
  LoadedModel m;
  m.name = model;
  m.config = SanConfig::named(model.substr(std::string("formula:").size()));
  m.description = model + ": generated (random) weights, for tests and timing; its labels mean nothing";
  m.parameters = std::make_shared<FormulaSource>(required_parameters(m.config), options.formula_seed, model);
  m.templates = load_templates("vild");
  m.text_hash = Sha256().update(model + "\n" + options.formula_seed).hex();
  m.random_weights = true;
  // Random weights know no spelling, so without CLIP's merges a small set learned from the published label
  // sets and templates will do: it spells their longest names within CLIP's context.
  BpeMerges merges = options.bpe_file.empty()
                         ? parse_bpe_merges(embedded::formula_merges(), "built-in merges")
                         : load_bpe_merges(options.bpe_file);
  m.tokenizer = make_tokenizer(std::move(merges), m.config, options.bpe_file);
  return m;
}

LoadedModel file_model(const std::string& name, ModelSource source, const LoadOptions& options) {
  const ModelMetadata& metadata = *source.metadata;
  const std::string where = source.parameters->description();
  LoadedModel m;
  m.name = name;
  m.config = SanConfig::from_json(metadata.config, where);
  require_same_parameters(required_parameters(m.config), *source.parameters);
  m.parameters = source.parameters;
  BpeMerges merges = options.bpe_file.empty()
                         ? parse_bpe_merges(metadata.merges, where + ", tokenizer merges")
                         : load_bpe_merges(options.bpe_file);
  m.tokenizer =
      make_tokenizer(std::move(merges), m.config, options.bpe_file.empty() ? where : options.bpe_file);
  m.templates = make_templates("the model's", metadata.templates);
  m.license = metadata.license;
  m.card = metadata.model_card;
  const auto title = metadata.extra.find("title");
  m.description = title != metadata.extra.end() ? title->second : where;
  m.untrained_adapter = metadata.extra.contains("adapter") && metadata.extra.at("adapter") == "untrained";
  const auto hash = metadata.extra.find(kTextHashKey);
  m.text_hash = hash != metadata.extra.end() ? hash->second : hash_text_tower(m.config, *m.parameters);
  return m;
}

}  // namespace

std::string hash_text_tower(const SanConfig& config, const ParameterSource& parameters) {
  Sha256 hash;
  hash.update(config.to_json());
  for (const std::string& name : parameters.names()) {
    if (!name.starts_with("ov_classifier.") || name == "ov_classifier.bg_embed" ||
        name == "ov_classifier.logit_scale")
      continue;
    const HostArray value = parameters.load(name);
    hash.update(name).update(value.shape.str()).update(dtype_name(value.dtype));
    hash.update(std::span(value.data.get(), static_cast<std::size_t>(value.bytes())));
    parameters.release(name);
  }
  return hash.hex();
}

LoadedModel load_model(const std::string& model, const LoadOptions& options) {
  if (model.starts_with("formula:")) return formula_model(model, options);
  if (model == "default") return file_model(model, open_default_model(), options);
  std::error_code error;
  if (!std::filesystem::exists(model, error))
    if (const auto stored = stored_model_path(model)) return file_model(model, open_model_file(*stored), options);
  return file_model(model, open_model_file(model), options);
}

}  // namespace san
