#include "san/segmenter.hpp"

#include <algorithm>
#include <chrono>

#include "api/internal.h"
#include "explain/explanation_json.h"
#include "labels/refine.h"

namespace san {
namespace {

using Clock = std::chrono::steady_clock;

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

constexpr int kLongestSide = 1 << 16, kSmallestTile = 32;

SegmentOptions checked(const SegmentationOptions& options, const Engine& engine) {
  require(options.short_side >= 0 && options.short_side <= 8192,
          "segment: a short side of {}; expected 1 to 8192 pixels, or 0 for the model's own",
          options.short_side);
  require(options.long_side >= 0 && options.long_side <= kLongestSide,
          "segment: a long side of {}; expected 1 to {} pixels, or 0 for the model's proportion",
          options.long_side, kLongestSide);
  require(
      options.preprocessing == Preprocessing::kEvaluation || options.preprocessing == Preprocessing::kDemo,
      "segment: preprocessing {} is unknown", static_cast<int>(options.preprocessing));
  require(options.window == 0 || (options.window >= kSmallestTile && options.window <= kLongestSide),
          "segment: windows of {} pixels; expected {} to {}, or 0 for none", options.window, kSmallestTile,
          kLongestSide);
  require(options.tile == 0 || (options.tile >= kSmallestTile && options.tile <= kLongestSide),
          "segment: tiles of {} pixels; expected {} to {}, or 0 for none", options.tile, kSmallestTile,
          kLongestSide);
  require(options.tile == 0 || !options.refine,
          "segment: edges of tiles cannot be refined; leave out refine or tile");
  require(options.tile == 0 || options.window == 0,
          "segment: windows and tiles were asked for; give one of them");
  require(options.tile_overlap >= -1 && options.tile_overlap <= options.tile / 2,
          "segment: tiles of {} pixels that overlap by {}; expected at most half the side, 0 for a quarter "
          "of it, -1 for "
          "none",
          options.tile, options.tile_overlap);
  SegmentOptions o;
  o.background = options.other ? Background::kOther : Background::kNone;
  o.label_scores = options.label_scores;
  require(options.min_score >= 0 && options.min_score <= 1, "segment: a least score of {}; expected 0 to 1",
          options.min_score);
  o.min_score = options.min_score;
  o.curve = engine.curve();
  o.refine = o.look.guide = options.refine;
  o.look.short_side = options.short_side;
  o.look.long_side = options.long_side;
  if (options.preprocessing == Preprocessing::kDemo)
    o.look.size_rule = SizeRule::kDemo, o.look.filter = ResizeFilter::kBicubic;
  return o;
}

bool in_views(const SegmentationOptions& options) {
  return options.augment || options.window > 0 || options.tile > 0;
}

/// How the picture is seen, given options that were checked.
ViewOptions views_of(const SegmentationOptions& options, const InputSize& usual) {
  ViewOptions views;
  views.short_side = options.short_side > 0 ? options.short_side : usual.short_side;
  // As the method would: in its proportion to the short side.
  views.max_side = options.long_side > 0 ? std::max(options.long_side, views.short_side)
                                         : static_cast<int>(static_cast<std::int64_t>(usual.long_side) *
                                                            views.short_side / usual.short_side);
  views.augment = options.augment;
  views.window = options.window;
  views.tiles.side = options.tile;
  views.tiles.overlap = options.tile_overlap == 0 ? options.tile / 4 : std::max(options.tile_overlap, 0);
  return views;
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

std::shared_ptr<const ImageFeatures::Impl> ImageFeatures::Impl::make(Recycler<Impl>& recycler,
                                                                     std::shared_ptr<const Features> features,
                                                                     std::shared_ptr<const Engine> engine) {
  std::unique_ptr<Impl> made = recycler.idle();
  if (made == nullptr) made = std::make_unique<Impl>();
  made->features = std::move(features), made->engine = std::move(engine);
  return recycler.share(std::move(made));
}

void Segmentation::Answer::let_go() {
  for (Logits& look : logits) look.features.reset();
  vocabulary.reset(), row_class.reset(), engine.reset(), pool.reset(), asked.reset();
}

std::unique_ptr<Segmentation::Answer> Segmenter::Impl::new_answer(
    const std::shared_ptr<const Vocabulary::Impl>& words, int height, int width,
    const SegmentOptions& options) {
  std::unique_ptr<Segmentation::Answer> answer = answers.idle();
  if (answer == nullptr) answer = std::make_unique<Segmentation::Answer>();
  if (!answer->logits.empty()) session.reuse(answer->logits.front());
  answer->logits.clear();
  answer->height = height, answer->width = width;
  answer->vocabulary = words->embeddings;
  answer->row_class = {words, &words->row_class};
  answer->options = options;
  answer->engine = engine, answer->pool = pool;
  answer->asked = {words, &words->classes};
  return answer;
}

ImageFeatures Segmenter::look(const ImageView& image, const SegmentationOptions& options) {
  Impl& s = impl();
  const SegmentOptions o = checked(options, *s.engine);
  require(!in_views(options),
          "look: features are of one look at the whole picture; leave out augment, window and tile");
  copy_pixels(image, s.pixels);
  const ThreadPool::Place place(*s.pool);
  const Backend::CancelWhen stop(s.session.backend(), options.watch.cancelled);
  return ImageFeatures(ImageFeatures::Impl::make(s.features, s.session.look(s.pixels, o.look), s.engine));
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
  const SegmentOptions o = checked(options, *s.engine);
  const ThreadPool::Place place(*s.pool);
  const Backend::CancelWhen stop(s.session.backend(), options.watch.cancelled);

  require_possible(s.engine->method_info(), o.background);
  std::unique_ptr<Segmentation::Answer> answer =
      s.new_answer(vocabulary.impl_, f.features->height, f.features->width, o);
  answer->logits.push_back(s.session.name(f.features, words.embeddings));

  const auto start = Clock::now();
  HeadOptions head = answer->head();
  if (o.refine) head.guide = guide_of(*f.features);
  result.answer_.reset();  // until all is there, it holds no result
  SegmentationResult r{std::move(result.labels), std::move(result.areas), std::move(result.label_scores)};
  const Logits& logits = answer->logits.front();
  s.session.segmentation_head().run({&logits.view, 1}, answer->height, answer->width, head, r);
  result.labels = std::move(r.labels);
  result.areas = std::move(r.areas);
  result.label_scores = std::move(r.label_scores);
  result.timing = {f.features->resize_ms, f.features->look_ms - f.features->resize_ms + logits.name_ms,
                   milliseconds_since(start)};
  result.answer_ = s.answers.share(std::move(answer));
}

Segmentation Segmenter::segment(const ImageView& image, const Vocabulary& vocabulary,
                                const SegmentationOptions& options) {
  Segmentation result;
  segment(image, vocabulary, options, result);
  return result;
}

void Segmenter::segment(const ImageView& image, const Vocabulary& vocabulary,
                        const SegmentationOptions& options, Segmentation& result) {
  const ThreadPool::Place place(*impl().pool);  // one for both steps
  if (in_views(options))
    answer_in_views(image, vocabulary, options, result);
  else
    segment(look(image, options), vocabulary, options, result);
}

void Segmenter::answer_in_views(const ImageView& image, const Vocabulary& vocabulary,
                                const SegmentationOptions& options, Segmentation& result) {
  Impl& s = impl();
  const SegmentOptions o = checked(options, *s.engine);
  const Vocabulary::Impl& words = own_words(vocabulary);
  require_possible(s.engine->method_info(), o.background);
  copy_pixels(image, s.pixels);
  const ThreadPool::Place place(*s.pool);
  const Backend::CancelWhen stop(s.session.backend(), options.watch.cancelled);
  const ViewOptions views = views_of(options, s.engine->method().input());
  std::unique_ptr<Segmentation::Answer> answer =
      s.new_answer(vocabulary.impl_, s.pixels.height, s.pixels.width, o);
  result.answer_.reset();
  SegmentationResult r{std::move(result.labels), std::move(result.areas), std::move(result.label_scores)};
  TileTimes times;
  if (options.tile > 0) {
    san::segment_tiles(s.session, s.pixels, words.embeddings, views, o, {}, r, &times);
  } else {
    answer->logits = look_in_views(s.session, s.pixels, words.embeddings,
                                   plan_views(answer->height, answer->width, views), o.look);
    for (const Logits& look : answer->logits) times.add(look);
    const auto start = Clock::now();
    HeadOptions head = answer->head();
    Image guide;
    if (o.refine) guide = refinement_guide(s.pixels, *s.pool), head.guide = &guide;
    s.session.segmentation_head().run(head_views(answer->logits), answer->height, answer->width, head, r);
    times.labels_ms = milliseconds_since(start);
  }
  result.labels = std::move(r.labels);
  result.areas = std::move(r.areas);
  result.label_scores = std::move(r.label_scores);
  result.timing = {times.resize_ms, times.network_ms, times.labels_ms};
  result.answer_ = s.answers.share(std::move(answer));
}

void Segmenter::segment_tiles(const PictureParts& picture, const Vocabulary& vocabulary,
                              const SegmentationOptions& options,
                              const std::function<void(LabelRows&)>& take) {
  Impl& s = impl();
  const SegmentOptions o = checked(options, *s.engine);
  require(options.tile > 0, "segment: pictures in parts are seen in tiles; give the side of one");
  require(picture.read && take, "segment: what reads the picture and what takes its labels must be given");
  const Vocabulary::Impl& words = own_words(vocabulary);
  const ThreadPool::Place place(*s.pool);
  const Backend::CancelWhen stop(s.session.backend(), options.watch.cancelled);
  san::segment_tiles(
      s.session, picture, words.embeddings, views_of(options, s.engine->method().input()), o,
      options.watch.progress, [&](int y, SegmentationResult& rows) {
        LabelRows out{y, std::move(rows.labels), std::move(rows.areas), std::move(rows.label_scores)};
        take(out);
        rows = {std::move(out.labels), std::move(out.areas), std::move(out.label_scores)};
      });
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
  const SegmentOptions o = checked(options, *s.engine);
  require(!in_views(options),
          "explain: it is one look at the whole picture; leave out augment, window and tile");
  copy_pixels(image, s.pixels);
  const ThreadPool::Place place(*s.pool);
  const Backend::CancelWhen stop(s.session.backend(), options.watch.cancelled);
  const Explanation explanation = san::explain(s.session, s.pixels, words.embeddings, o);
  std::vector<Rgb> colors = class_colors(names.colors, words.classes.size());
  colors.resize(explanation.classes.size(), kOtherColor);  // distractors
  return explanation_json(explanation, s.pixels, {names.image, names.model, colors});
}

void Segmenter::warm_up(int height, int width, const SegmentationOptions& options) {
  require(height > 0 && width > 0 && height <= kLongestSide && width <= kLongestSide,
          "warm-up: a picture of {} × {} pixels; expected sides of 1 to {}", width, height, kLongestSide);
  SegmentationOptions plain = options;
  if (options.tile > 0) height = std::min(height, options.tile), width = std::min(width, options.tile);
  plain.augment = false, plain.window = plain.tile = plain.tile_overlap = 0;
  Image grey(height, width);
  std::ranges::fill(grey.rgb, std::uint8_t{128});
  look(grey, plain);
}

}  // namespace san
