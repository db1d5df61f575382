#include "san/san.hpp"

#include "backend/factory/factory.h"
#include "base/error.h"
#include "draw/overlay.h"
#include "draw/palette.h"
#include "engine/engine.h"
#include "image/codec/decode.h"
#include "image/codec/encode.h"

namespace san {

struct Vocabulary::Impl {
  std::shared_ptr<const TextEmbeddings> embeddings;
};

struct Segmenter::Impl {
  Session session;
};

struct Model::Impl {
  std::shared_ptr<const Engine> engine;
  int threads;
};

const std::vector<std::string>& Vocabulary::classes() const {
  return impl_->embeddings->classes;
}

Segmenter::Segmenter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Segmenter::Segmenter(Segmenter&&) noexcept = default;
Segmenter& Segmenter::operator=(Segmenter&&) noexcept = default;
Segmenter::~Segmenter() = default;

Segmentation Segmenter::segment(const Image& image, const Vocabulary& vocabulary,
                                const SegmentationOptions& options) {
  require(image.height > 0 && image.width > 0 &&
              image.rgb.size() == static_cast<std::size_t>(image.height) * image.row_bytes(),
          "segment: an image of {} × {} pixels with {} bytes; expected 3 per pixel", image.height,
          image.width, image.rgb.size());
  SegmentOptions o;
  o.background = options.other ? Background::kOther : Background::kNone;
  o.label_scores = options.scores;
  SegmentationResult r = impl_->session.segment(image, vocabulary.impl_->embeddings, o);
  return {std::move(r.labels), std::move(r.areas), std::move(r.label_scores)};
}

Model Model::load(const std::string& model, const ModelOptions& options) {
  BackendOptions backend;
  backend.threads = options.threads;
  return Model(std::make_shared<const Impl>(
      Impl{std::make_shared<const Engine>(load_model(model), make_backend(options.backend, backend)),
           options.threads}));
}

const std::string& Model::description() const {
  return impl_->engine->model().description;
}
bool Model::random_weights() const {
  return impl_->engine->model().random_weights;
}

Vocabulary Model::vocabulary(const std::vector<std::string>& classes,
                             const VocabularyOptions& options) const {
  std::vector<ClassName> parsed;
  for (const std::string& name : classes) parsed.push_back(parse_class(name));
  Engine::VocabularyOptions o;
  o.templates = options.templates;
  o.cache = options.cache_folder;
  o.use_cache = options.use_cache;
  o.quiet = true;
  return Vocabulary(
      std::make_shared<const Vocabulary::Impl>(Vocabulary::Impl{impl_->engine->encode(parsed, o)}));
}

Segmenter Model::segmenter() const {
  return Segmenter(
      std::unique_ptr<Segmenter::Impl>(new Segmenter::Impl{Session(impl_->engine, impl_->threads)}));
}

Image load_image(const std::string& path) {
  return decode_image(path);
}

void save_overlay(const std::string& path, const Image& image, const Segmentation& result,
                  const Vocabulary& vocabulary) {
  const std::vector<std::string>& names = vocabulary.classes();
  write_png(path, draw_overlay(image, result.labels, names, distinct_colors(names.size())));
}

}  // namespace san
