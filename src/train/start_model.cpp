#include "train/start_model.h"

#include <algorithm>

#include "base/error.h"
#include "checkpoint/memory_source.h"
#include "model/clip_text.h"
#include "model/initial_parameters.h"
#include "model/san.h"
#include "text/vocabulary.h"

namespace san {
namespace {

// The network's parameters: the backend's where it has them, else those of the start.
class TrainedSource : public ParameterSource {
 public:
  TrainedSource(const SanConfig& config, const ParameterSource& start, const TorchParameters& trained)
      : start_(start), trained_(trained) {
    for (const Declaration& d : declare_parameters(config)) names_.push_back(d.name);
    std::ranges::sort(names_);
  }
  std::vector<std::string> names() const override { return names_; }
  bool contains(const std::string& name) const override { return start_.contains(name); }
  Shape shape(const std::string& name) const override { return start_.shape(name); }
  HostArray load(const std::string& name) const override {
    return trained_.contains(name) ? trained_.load(name) : start_.load(name);
  }
  std::string description() const override { return start_.description(); }

 private:
  std::vector<std::string> names_;
  const ParameterSource& start_;
  const TorchParameters& trained_;
};

ModelOpener& model_opener() {
  static ModelOpener opener = [](const std::string& name) {
    require(name != "default", "MODEL.INIT: this program carries no built-in model; give the path of a file");
    return open_model_file(std::filesystem::path(name));
  };
  return opener;
}

}  // namespace

void set_model_opener(ModelOpener opener) {
  model_opener() = std::move(opener);
}

BpeTokenizer StartModel::tokenizer() const {
  require(!metadata.merges.empty(),
          "the model has no tokenizer: start from a model file (MODEL.INIT), or name the "
          "merges of one (TEXT.BPE)");
  return BpeTokenizer(parse_bpe_merges(metadata.merges, "the model's tokenizer"),
                      static_cast<int>(config.clip.context));
}

void StartModel::write(const std::filesystem::path& path, const TorchParameters& trained, DType dtype) const {
  write_model_file(path, TrainedSource(config, *parameters, trained), metadata, dtype);
}

StartModel start_model(const Recipe& recipe) {
  StartModel model;
  const PromptTemplates templates = load_templates(recipe.templates);
  if (recipe.model.init.empty()) {
    model.config = with_overrides(SanConfig::named(recipe.model.base), recipe.model.network, "MODEL.NETWORK");
    model.parameters = std::make_shared<InitialParameters>(model.config, recipe.seed);
    model.metadata.templates = templates.texts;
    if (!recipe.bpe.empty()) model.metadata.merges = format_bpe_merges(load_bpe_merges(recipe.bpe));
  } else {
    const ModelSource source = model_opener()(recipe.model.init);
    model.metadata = *source.metadata;
    const SanConfig stored = SanConfig::from_json(model.metadata.config, recipe.model.init);
    model.config = with_overrides(stored, recipe.model.network, "MODEL.NETWORK");
    require(model.config.clip == stored.clip,
            "{}: its CLIP is fixed; MODEL.NETWORK may change the side adapter only", recipe.model.init);
    const bool fresh = recipe.model.fresh_adapter;
    // Where the deep blocks begin decides their names.
    require(fresh ? stored.feature_layer == model.config.feature_layer : true,
            "{}: splits its CLIP after block {}, MODEL.NETWORK after {}", recipe.model.init,
            stored.feature_layer, model.config.feature_layer);
    model.parameters = source.parameters;
    if (fresh) model.parameters = with_initial_adapter(source.parameters, model.config, recipe.seed);
    if (recipe.json.contains("TEXT") && recipe.json.at("TEXT").contains("TEMPLATES"))
      model.metadata.templates = templates.texts;
  }
  model.metadata.config = model.config.to_json();
  model.metadata.activation = activation_name(model.config.clip.activation);
  return model;
}

namespace {

/// [K, S]: the rows of each class, the first repeated where others have more; undefined without synonyms.
at::Tensor rows_of_classes(const TextEmbeddings& text) {
  const std::size_t count = text.classes.size();
  int most = 1;
  for (std::size_t c = 0; c < count; ++c) most = std::max(most, text.first_row[c + 1] - text.first_row[c]);
  if (most == 1) return {};
  std::vector<std::int64_t> rows;
  for (std::size_t c = 0; c < count; ++c)
    for (int s = 0; s < most; ++s)
      rows.push_back(text.first_row[c] + s < text.first_row[c + 1] ? text.first_row[c] + s
                                                                   : text.first_row[c]);
  return at::tensor(rows, at::kLong).view({static_cast<std::int64_t>(count), most});
}

}  // namespace

ClassTexts embed_classes(const StartModel& model, std::span<const ClassName> classes,
                         const std::string& templates, const TorchOptions& options) {
  const at::NoGradGuard guard;
  TorchBackend b({options.device, Precision::kF32, false, options.threads});
  ParamLoader loader(b, *model.parameters);
  const ClipText text(ParamScope(loader, "ov_classifier"), model.config.clip);
  const BpeTokenizer tokenizer = model.tokenizer();
  const VocabularyEncoder encoder(
      tokenizer,
      templates.empty() ? make_templates("model", model.metadata.templates) : load_templates(templates),
      [&](const std::vector<std::vector<int>>& prompts) { return b.to_host(text.encode(b, prompts)); },
      static_cast<int>(model.config.clip.embed_dim));
  EncodeOptions encode;
  encode.quiet = true;
  const TextEmbeddings text_rows = encoder.encode(classes, encode);
  const at::Tensor names = rows_of_classes(text_rows);
  return {at::tensor(text_rows.rows).view({text_rows.row_count(), text_rows.dim}).to(b.device()),
          names.defined() ? names.to(b.device()) : names};
}

}  // namespace san
