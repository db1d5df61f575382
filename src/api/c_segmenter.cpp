#include <algorithm>

#include "api/c_support.h"
#include "base/error.h"
#include "san/explain.hpp"

namespace san::c {

SegmentationOptions segmentation_options(const san_segment_options* given) {
  const san_segment_options o = read(given, "san_segment_options");
  require(o.preprocessing == SAN_EVALUATION || o.preprocessing == SAN_DEMO,
          "san_segment_options.preprocessing is {}; expected SAN_EVALUATION or SAN_DEMO", o.preprocessing);
  SegmentationOptions options;
  options.other = o.other != 0;
  options.label_scores = o.label_scores != 0;
  options.preprocessing = static_cast<Preprocessing>(o.preprocessing);
  options.short_side = o.short_side;
  options.long_side = o.long_side;
  options.min_score = o.min_score;
  options.refine = o.refine != 0;
  options.augment = o.augment != 0;
  options.window = o.window;
  options.tile = o.tile;
  options.tile_overlap = o.tile_overlap;
  options.watch = watch(o.cancellation, o.progress, o.user);
  return options;
}

}  // namespace san::c

namespace {

/// Zero asks for the default, and what is below it for none.
void set_share(float asked, float& share) {
  if (asked != 0) share = std::max(asked, 0.0f);
}

}  // namespace

using namespace san::c;

namespace {

template <class Value>
void segment_labels(san_segmenter* segmenter, const san_vocabulary* vocabulary, const san_pixels* pixels,
                    const san_segment_options* options, Value* labels, size_t capacity) {
  san_segmenter& s = at(segmenter, "segmenter");
  const san::Vocabulary& words = at(vocabulary, "vocabulary").vocabulary;
  const san::ImageView picture = view(pixels);
  need(labels, "labels");
  require_room(capacity, 1, picture.height, picture.width, "labels");
  s.segmenter.segment(picture, words, segmentation_options(options), s.latest);
  std::ranges::transform(s.latest.labels.labels, labels,
                         [](san::Label label) { return static_cast<Value>(label); });
}

}  // namespace

san_segmenter* san_segmenter_create(const san_model* model) {
  return guard<san_segmenter*>(nullptr, [&] {
    return new san_segmenter{at(model, "model").model.segmenter(), {}};
  });
}
void san_segmenter_free(san_segmenter* segmenter) {
  delete segmenter;
}

int san_segmenter_warm_up(san_segmenter* segmenter, int height, int width,
                          const san_segment_options* options) {
  return status(
      [&] { at(segmenter, "segmenter").segmenter.warm_up(height, width, segmentation_options(options)); });
}

san_result* san_segment(san_segmenter* segmenter, const san_vocabulary* vocabulary, const san_pixels* pixels,
                        const san_segment_options* options) {
  return guard<san_result*>(nullptr, [&] {
    san::Segmenter& s = at(segmenter, "segmenter").segmenter;
    const san::Vocabulary& words = at(vocabulary, "vocabulary").vocabulary;
    return new san_result{s.segment(view(pixels), words, segmentation_options(options))};
  });
}

int san_segment_labels(san_segmenter* segmenter, const san_vocabulary* vocabulary, const san_pixels* pixels,
                       const san_segment_options* options, uint16_t* labels, size_t capacity) {
  return status([&] {
    require_narrow(at(vocabulary, "vocabulary").vocabulary.classes().size());
    segment_labels(segmenter, vocabulary, pixels, options, labels, capacity);
  });
}

int san_segment_labels32(san_segmenter* segmenter, const san_vocabulary* vocabulary, const san_pixels* pixels,
                         const san_segment_options* options, uint32_t* labels, size_t capacity) {
  return status([&] { segment_labels(segmenter, vocabulary, pixels, options, labels, capacity); });
}

int san_segment_into(san_segmenter* segmenter, const san_vocabulary* vocabulary, const san_pixels* pixels,
                     const san_segment_options* options, san_result* result) {
  return status([&] {
    san_segmenter& s = at(segmenter, "segmenter");
    const san::Vocabulary& words = at(vocabulary, "vocabulary").vocabulary;
    san_result& r = at(result, "result");
    s.segmenter.segment(view(pixels), words, segmentation_options(options), s.latest);
    std::swap(s.latest, r.result);
    r.narrow.clear();
  });
}

int san_segment_batch(san_segmenter* segmenter, const san_vocabulary* vocabulary,
                      const san_pixels* const* pixels, size_t count, const san_segment_options* options,
                      san_result** results) {
  return status([&] {
    san::Segmenter& s = at(segmenter, "segmenter").segmenter;
    const san::Vocabulary& words = at(vocabulary, "vocabulary").vocabulary;
    if (count == 0) return;
    need(pixels, "pixels");
    need(results, "results");
    std::fill_n(results, count, nullptr);
    std::vector<san::ImageView> views;
    for (size_t i = 0; i < count; ++i) views.push_back(view(pixels[i]));
    std::vector<std::unique_ptr<san_result>> made;
    for (san::Segmentation& r : s.segment_batch(views, words, segmentation_options(options)))
      made.push_back(std::unique_ptr<san_result>(new san_result{std::move(r)}));
    for (size_t i = 0; i < count; ++i) results[i] = made[i].release();
  });
}

san_features* san_look(san_segmenter* segmenter, const san_pixels* pixels,
                       const san_segment_options* options) {
  return guard<san_features*>(nullptr, [&] {
    san::Segmenter& s = at(segmenter, "segmenter").segmenter;
    return new san_features{s.look(view(pixels), segmentation_options(options))};
  });
}

san_result* san_segment_features(san_segmenter* segmenter, const san_features* features,
                                 const san_vocabulary* vocabulary, const san_segment_options* options) {
  return guard<san_result*>(nullptr, [&] {
    san::Segmenter& s = at(segmenter, "segmenter").segmenter;
    const san::ImageFeatures& f = at(features, "features").features;
    const san::Vocabulary& words = at(vocabulary, "vocabulary").vocabulary;
    return new san_result{s.segment(f, words, segmentation_options(options))};
  });
}
int san_segment_features_into(san_segmenter* segmenter, const san_features* features,
                              const san_vocabulary* vocabulary, const san_segment_options* options,
                              san_result* result) {
  return status([&] {
    san_segmenter& s = at(segmenter, "segmenter");
    const san::ImageFeatures& f = at(features, "features").features;
    const san::Vocabulary& words = at(vocabulary, "vocabulary").vocabulary;
    san_result& r = at(result, "result");
    s.segmenter.segment(f, words, segmentation_options(options), s.latest);
    std::swap(s.latest, r.result);
    r.narrow.clear();
  });
}
int san_features_height(const san_features* features) {
  return features != nullptr ? features->features.height() : 0;
}
int san_features_width(const san_features* features) {
  return features != nullptr ? features->features.width() : 0;
}
size_t san_features_bytes(const san_features* features) {
  return features != nullptr ? features->features.bytes() : 0;
}
san_buffer* san_explain(san_segmenter* segmenter, const san_vocabulary* vocabulary, const san_pixels* pixels,
                        const san_segment_options* options, const san_json_options* names) {
  return guard<san_buffer*>(nullptr, [&] {
    san::Segmenter& s = at(segmenter, "segmenter").segmenter;
    const san::Vocabulary& words = at(vocabulary, "vocabulary").vocabulary;
    std::vector<san::Rgb> table;
    const san::JsonOptions named = json_options(names, table);
    return buffer(s.explain(view(pixels), words, segmentation_options(options), named));
  });
}
san_buffer* san_explanation_page(const char* json) {
  return guard<san_buffer*>(nullptr, [&] {
    need(json, "json");
    return buffer(san::explanation_page(json));
  });
}

void san_features_free(san_features* features) {
  delete features;
}

san_stream* san_stream_create(const san_stream_options* options) {
  return guard<san_stream*>(nullptr, [&] {
    const san_stream_options o = read(options, "san_stream_options");
    san::StreamOptions all;
    set_share(o.decay, all.decay);
    set_share(o.cut, all.cut);
    set_share(o.mask_decay, all.mask_decay);
    return new san_stream{san::Stream(all)};
  });
}

san_features* san_stream_next(san_stream* stream, const san_features* frame) {
  return guard<san_features*>(nullptr, [&] {
    san::Stream& s = at(stream, "stream").stream;
    return new san_features{s.next(at(frame, "frame").features)};
  });
}

int san_stream_began_scene(const san_stream* stream) {
  return guard(-1, [&] { return at(stream, "stream").stream.began_scene() ? 1 : 0; });
}

int san_stream_forget(san_stream* stream) {
  return status([&] { at(stream, "stream").stream.forget(); });
}
int san_stream_save(const san_stream* stream, const char* path) {
  return status([&] {
    need(path, "path");
    at(stream, "stream").stream.save(path);
  });
}
int san_stream_load(san_stream* stream, const char* path) {
  return status([&] {
    need(path, "path");
    at(stream, "stream").stream.load(path);
  });
}
void san_stream_free(san_stream* stream) {
  delete stream;
}

san_whole_clip* san_whole_clip_create(const san_whole_clip_options* options) {
  return guard<san_whole_clip*>(nullptr, [&] {
    const san_whole_clip_options o = read(options, "san_whole_clip_options");
    san::WholeClipOptions all;
    if (o.alike != 0) all.alike = o.alike;
    set_share(o.share, all.share);
    set_share(o.decay, all.decay);
    set_share(o.mask_decay, all.mask_decay);
    return new san_whole_clip{san::WholeClip(all)};
  });
}
int san_whole_clip_add(san_whole_clip* clip, const san_features* frame) {
  return status([&] { at(clip, "clip").clip.add(at(frame, "frame").features); });
}
san_features* san_whole_clip_steady(san_whole_clip* clip, const san_features* frame) {
  return guard<san_features*>(nullptr, [&] {
    san::WholeClip& c = at(clip, "clip").clip;
    return new san_features{c.steady(at(frame, "frame").features)};
  });
}
void san_whole_clip_free(san_whole_clip* clip) {
  delete clip;
}
