#include "engine/encode_vocabulary.h"

#include "method/prompt_encoder.h"

namespace san {

std::shared_ptr<const TextEmbeddings> encode_vocabulary(const LoadedModel& model, const Backend& backend,
                                                        std::span<const ClassName> classes,
                                                        const EncodingOptions& o) {
  const std::unique_ptr<Backend> b = backend.fork();
  const TextTower tower = find_architecture(model.architecture, model.name).text(model.config);
  PromptTemplates templates = o.templates.empty() ? model.templates : make_templates("custom", o.templates);
  const auto prepare = [&] {
    ParamLoader loader(*b, *model.parameters);
    return tower.prepare(loader);
  };
  const VocabularyEncoder encoder(*model.tokenizer, std::move(templates), prompt_encoder(*b, prepare),
                                  tower.dim);
  EmbeddingCache cache(o.use_cache ? (o.cache.empty() ? EmbeddingCache::default_directory() : o.cache)
                                   : std::filesystem::path{});
  const Backend::CancelWhen guard(*b, o.cancelled);
  EncodeOptions options;
  options.quiet = o.quiet;
  options.cancelled = o.cancelled;
  options.progress = o.progress;
  options.cache = &cache;
  options.model_hash = model.text_hash;
  // What was computed in another precision is not what a cache of float32 promises.
  if (model.text_precision != "fp32") options.model_hash += " " + model.text_precision;
  return std::make_shared<const TextEmbeddings>(encoder.encode(classes, options));
}

}  // namespace san
