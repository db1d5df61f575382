#include "san/segmenter.hpp"

#include <algorithm>
#include <chrono>

#include "api/internal.h"
#include "explain/explanation_json.h"

namespace san {
namespace {

constexpr int kLongestSide = 1 << 16;

SegmentOptions checked(const SegmentationOptions& options) {
  require(options.short_side >= 0 && options.short_side <= 8192,
          "segment: a short side of {}; expected 1 to 8192 pixels, or 0 for the model's own",
          options.short_side);
  require(options.long_side >= 0 && options.long_side <= kLongestSide,
          "segment: a long side of {}; expected 1 to {} pixels, or 0 for the model's proportion",
          options.long_side, kLongestSide);
  require(
      options.preprocessing == Preprocessing::kEvaluation || options.preprocessing == Preprocessing::kDemo,
      "segment: preprocessing {} is unknown", static_cast<int>(options.preprocessing));
  SegmentOptions o;
  o.background = options.other ? Background::kOther : Background::kNone;
  o.label_scores = options.label_scores;
  require(options.min_score >= 0 && options.min_score <= 1, "segment: a least score of {}; expected 0 to 1",
          options.min_score);
  o.min_score = options.min_score;
  o.refine = o.look.guide = options.refine;
  o.look.short_side = options.short_side;
  o.look.long_side = options.long_side;
  if (options.preprocessing == Preprocessing::kDemo)
    o.look.size_rule = SizeRule::kDemo, o.look.filter = ResizeFilter::kBicubic;
  return o;
}

}  // namespace

const ImageFeatures::Impl& ImageFeatures::impl() const {
  require(impl_ != nullptr, "features: used after they were moved from");
  return *impl_;
}
int ImageFeatures::height() const {
  return impl().features->height;
}
int ImageFeatures::width() const {
  return impl().features->width;
}
std::size_t ImageFeatures::bytes() const {
  const Features& f = *impl().features;
  return f.bytes() + (f.guide ? f.guide->rgb.size() : 0);
}

Segmenter::Segmenter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Segmenter::Segmenter(Segmenter&&) noexcept = default;
Segmenter& Segmenter::operator=(Segmenter&&) noexcept = default;
Segmenter::~Segmenter() = default;

Segmenter::Impl& Segmenter::impl() const {
  require(impl_ != nullptr, "segmenter: used after it was moved from");
  return *impl_;
}

ImageFeatures Segmenter::look(const ImageView& image, const SegmentationOptions& options) {
  Impl& s = impl();
  const SegmentOptions o = checked(options);
  copy_pixels(image, s.pixels);
  const Backend::CancelWhen stop(s.session.backend(), options.watch.cancelled);
  return ImageFeatures(std::make_shared<const ImageFeatures::Impl>(
      ImageFeatures::Impl{s.session.look(s.pixels, o.look), s.engine}));
}

Segmentation Segmenter::segment(const ImageFeatures& features, const Vocabulary& vocabulary,
                                const SegmentationOptions& options) {
  Segmentation result;
  segment(features, vocabulary, options, result);
  return result;
}

const Vocabulary::Impl& Segmenter::own_words(const Vocabulary& vocabulary) const {
  const Vocabulary::Impl& words = vocabulary.impl();
  const LoadedModel& model = impl().engine->model();
  require(words.text_hash == model.text_hash,
          "segment: the vocabulary was made by another text tower than that of {}; make it with this model",
          model.name);
  return words;
}

void Segmenter::segment(const ImageFeatures& features, const Vocabulary& vocabulary,
                        const SegmentationOptions& options, Segmentation& result) {
  Impl& s = impl();
  const ImageFeatures::Impl& f = features.impl();
  require(f.engine == s.engine,
          "segment: these features were made with another model; use a segmenter of the one that made them");
  const Vocabulary::Impl& words = own_words(vocabulary);
  const SegmentOptions o = checked(options);
  const Backend::CancelWhen stop(s.session.backend(), options.watch.cancelled);

  require_possible(s.engine->method_info(), o.background);
  auto answer = std::make_shared<Segmentation::Answer>(
      Segmentation::Answer{s.session.name(f.features, words.embeddings), words.embeddings,
                           words.embeddings->row_classes(), o, s.engine, s.pool, words.classes});

  const auto start = std::chrono::steady_clock::now();
  HeadOptions head = answer->head();
  if (o.refine) head.guide = guide_of(*f.features);
  result.answer_.reset();  // until all is there, it holds no result
  SegmentationResult r{std::move(result.labels), std::move(result.areas), std::move(result.label_scores)};
  s.session.segmentation_head().run({&answer->logits.view, 1}, answer->height(), answer->width(), head, r);
  result.labels = std::move(r.labels);
  result.areas = std::move(r.areas);
  result.label_scores = std::move(r.label_scores);
  result.timing = {
      f.features->resize_ms, f.features->look_ms - f.features->resize_ms + answer->logits.name_ms,
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count()};
  result.answer_ = std::move(answer);
}

Segmentation Segmenter::segment(const ImageView& image, const Vocabulary& vocabulary,
                                const SegmentationOptions& options) {
  Segmentation result;
  segment(image, vocabulary, options, result);
  return result;
}

void Segmenter::segment(const ImageView& image, const Vocabulary& vocabulary,
                        const SegmentationOptions& options, Segmentation& result) {
  segment(look(image, options), vocabulary, options, result);
}

std::vector<Segmentation> Segmenter::segment_batch(std::span<const ImageView> images,
                                                   const Vocabulary& vocabulary,
                                                   const SegmentationOptions& options) {
  for (const ImageView& image : images) check_view(image);
  std::vector<Segmentation> results;
  results.reserve(images.size());
  for (const ImageView& image : images) {
    results.push_back(segment(image, vocabulary, options));
    if (options.watch.progress)
      options.watch.progress(static_cast<std::int64_t>(results.size()),
                             static_cast<std::int64_t>(images.size()));
  }
  return results;
}

std::string Segmenter::explain(const ImageView& image, const Vocabulary& vocabulary,
                               const SegmentationOptions& options, const JsonOptions& names) {
  Impl& s = impl();
  const Vocabulary::Impl& words = own_words(vocabulary);
  const SegmentOptions o = checked(options);
  copy_pixels(image, s.pixels);
  const Backend::CancelWhen stop(s.session.backend(), options.watch.cancelled);
  const Explanation explanation = san::explain(s.session, s.pixels, words.embeddings, o);
  const std::vector<Rgb> colors = class_colors(names.colors, explanation.classes.size());
  return explanation_json(explanation, s.pixels, {names.image, names.model, colors});
}

void Segmenter::warm_up(int height, int width, const SegmentationOptions& options) {
  require(height > 0 && width > 0 && height <= kLongestSide && width <= kLongestSide,
          "warm-up: a picture of {} × {} pixels; expected sides of 1 to {}", width, height, kLongestSide);
  Image grey(height, width);
  std::ranges::fill(grey.rgb, std::uint8_t{128});
  look(grey, options);
}

}  // namespace san
