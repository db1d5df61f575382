#include "engine/engine.h"

#include <algorithm>
#include <chrono>

#include "base/error.h"
#include "image/preprocess.h"

namespace san {
namespace {

Image mirror(const Image& image) {
  Image out(image.height, image.width);
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x)
      std::copy_n(image.row(y) + static_cast<std::ptrdiff_t>(x) * 3, 3,
                  out.row(y) + static_cast<std::ptrdiff_t>(image.width - 1 - x) * 3);
  return out;
}

}  // namespace

Engine::Engine(LoadedModel model, std::unique_ptr<Backend> backend)
    : model_(std::move(model)), backend_(std::move(backend)) {
  ParamLoader loader(*backend_, *model_.parameters);
  network_ = std::make_unique<San>(loader, model_.config);
}

std::shared_ptr<const TextEmbeddings> Engine::encode(std::span<const ClassName> classes,
                                                     const VocabularyOptions& o) const {
  const std::unique_ptr<Backend> b = backend_->fork();
  std::unique_ptr<ClipText> tower;
  const auto encode_prompts = [&](const std::vector<std::vector<int>>& prompts) {
    if (!tower) {
      ParamLoader loader(*b, *model_.parameters);
      tower = std::make_unique<ClipText>(ParamScope(loader, "ov_classifier"), model_.config.clip);
    }
    std::vector<std::int32_t> ids;
    for (const auto& prompt : prompts) ids.insert(ids.end(), prompt.begin(), prompt.end());
    const auto batch = static_cast<std::int64_t>(prompts.size()),
               length = static_cast<std::int64_t>(prompts[0].size());
    return b->to_host(tower->forward(*b, b->from_ids({batch, length}, ids)));
  };
  PromptTemplates templates = o.templates.empty() ? model_.templates : make_templates("custom", o.templates);
  const VocabularyEncoder encoder(*model_.tokenizer, std::move(templates), encode_prompts,
                                  static_cast<int>(model_.config.clip.embed_dim));
  EmbeddingCache cache(o.use_cache ? (o.cache.empty() ? EmbeddingCache::default_directory() : o.cache)
                                   : std::filesystem::path{});
  EncodeOptions options;
  options.quiet = o.quiet;
  options.cancelled = o.cancelled;
  options.cache = &cache;
  options.model_hash = model_.text_hash;
  return std::make_shared<const TextEmbeddings>(encoder.encode(classes, options));
}

HeadOptions head_options(const TextEmbeddings& vocabulary, const std::vector<int>& row_class,
                         const SegmentOptions& options) {
  HeadOptions o;
  o.row_class = row_class;
  o.classes = static_cast<int>(vocabulary.classes.size());
  o.background = options.background;
  o.label_scores = options.label_scores;
  return o;
}

Session::Session(std::shared_ptr<const Engine> engine, int threads)
    : Session(std::move(engine), std::make_shared<ThreadPool>(threads)) {}

Session::Session(std::shared_ptr<const Engine> engine, std::shared_ptr<ThreadPool> pool)
    : engine_(std::move(engine)),
      backend_(engine_->new_backend()),
      pool_(std::move(pool)),
      head_(*pool_) {}

const Tensor& Session::classifier(const std::shared_ptr<const TextEmbeddings>& vocabulary) {
  if (vocabulary != vocabulary_) {
    require(vocabulary->row_count() > 0, "the vocabulary is empty: give at least one class");
    const Tensor text = backend_->from_host({vocabulary->row_count(), vocabulary->dim}, vocabulary->rows);
    classifier_ = engine_->network().classifier(*backend_, text);
    vocabulary_ = vocabulary;
  }
  return classifier_;
}

NetworkResult Session::run(const Image& image, const std::shared_ptr<const TextEmbeddings>& vocabulary,
                           const SegmentOptions& options, bool mirrored) {
  const San& network = engine_->network();
  const SanConfig& config = network.config();
  const int short_side = options.short_side > 0 ? options.short_side : static_cast<int>(config.short_side);
  const int long_side = options.long_side > 0
                            ? options.long_side
                            : static_cast<int>(config.long_side * short_side / config.short_side);
  const Size size =
      resize_shortest_edge({image.height, image.width}, short_side, long_side, options.size_rule);
  const Image resized =
      resize(mirrored ? mirror(image) : image, size.height, size.width, options.filter, pool_.get());
  const Preprocessed input = preprocess(resized, 32, pool_.get());

  const auto start = std::chrono::steady_clock::now();
  const Grid grid{input.height, input.width};
  const Tensor x = backend_->from_host({1, grid.tokens(), 3}, input.values);
  const SanOutput out = network.forward(*backend_, x, grid).back();
  const Tensor logits = network.classify(*backend_, out.embeddings, classifier(vocabulary));
  NetworkResult r;
  r.class_logits = backend_->to_host(logits);
  r.mask_logits = backend_->to_host(out.mask_logits);
  r.network_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  const Grid masks = network.mask_grid(grid);
  r.view.class_logits = r.class_logits;
  r.view.mask_logits = r.mask_logits;
  r.view.queries = static_cast<int>(config.queries);
  r.view.grid_height = static_cast<int>(masks.height);
  r.view.grid_width = static_cast<int>(masks.width);
  r.view.padded_height = input.height;
  r.view.padded_width = input.width;
  r.view.content_height = input.content_height;
  r.view.content_width = input.content_width;
  r.view.mirrored = mirrored;
  return r;
}

SegmentationResult Session::segment(const Image& image,
                                    const std::shared_ptr<const TextEmbeddings>& vocabulary,
                                    const SegmentOptions& options) {
  const NetworkResult r = run(image, vocabulary, options);
  const std::vector<int> row_class = vocabulary->row_classes();
  return head_.run({&r.view, 1}, image.height, image.width, head_options(*vocabulary, row_class, options));
}

}  // namespace san
