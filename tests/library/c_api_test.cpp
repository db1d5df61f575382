// libsan as a C program meets it, hostile arguments included: whatever comes in, a code comes out.
#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "c_api_fixture.h"

extern "C" int old_program(const std::uint8_t* rgb, int height, int width, std::uint16_t* labels);

namespace san::testing {
namespace {

TEST_F(CApi, SaysWhatCppSays) {
  Segmenter cpp = Model::load("formula:tiny").segmenter();
  const Model model = Model::load("formula:tiny");
  const Segmentation expected = cpp.segment(image_, model.vocabulary({"cat", "sofa|couch", "wall"}));
  const Result r(segment());
  ASSERT_NE(r, nullptr) << san_last_error();
  EXPECT_EQ(san_result_height(r.get()), 40);
  EXPECT_EQ(san_result_width(r.get()), 56);
  EXPECT_EQ(san_result_classes(r.get()), 3u);
  EXPECT_STREQ(san_result_class(r.get(), 1), "sofa");
  EXPECT_TRUE(std::ranges::equal(std::span(san_result_labels(r.get()), 40 * 56), expected.labels.labels));
  for (std::size_t k = 0; k < 4; ++k) EXPECT_EQ(san_result_area(r.get(), k), expected.areas[k]);
  EXPECT_EQ(san_result_area(r.get(), 4), -1);
  EXPECT_EQ(san_result_label_scores(r.get()), nullptr);
  san_timing timing{sizeof timing, 0, 0, 0};
  EXPECT_EQ(san_result_get_timing(r.get(), &timing), SAN_OK);
  EXPECT_GT(timing.network_ms, 0);

  const std::int32_t chosen[] = {2, 3};
  std::vector<float> scores(2 * 40 * 56);
  ASSERT_EQ(san_result_class_scores(r.get(), chosen, 2, 0, 0, scores.data(), scores.size()), SAN_OK);
  EXPECT_EQ(scores, expected.class_scores({{2, 3}}));

  const Proposals p(san_result_proposals(r.get(), 0, 0));
  ASSERT_EQ(san_proposals_count(p.get()), expected.proposals().size());
  san_proposal first{};
  first.size = sizeof first;
  ASSERT_EQ(san_proposals_get(p.get(), 0, &first), SAN_OK);
  std::vector<std::uint8_t> mask(40 * 56);
  ASSERT_EQ(san_proposals_mask(p.get(), 0, mask.data(), mask.size()), SAN_OK);
  EXPECT_EQ(std::count(mask.begin(), mask.end(), 1), first.area);
  EXPECT_EQ(first.rle_counts, rle_counts_to_string(expected.proposals()[0].mask.counts));

  const Buffer json(san_result_json(r.get(), "a.png", nullptr, p.get()));
  EXPECT_THAT(static_cast<const char*>(san_buffer_data(json.get())), HasSubstr("\"image\": \"a.png\""));
  EXPECT_EQ(std::strlen(static_cast<const char*>(san_buffer_data(json.get()))), san_buffer_size(json.get()));
  const Picture overlay(san_result_overlay(r.get(), &pixels_, nullptr));
  san_pixels shown{};
  shown.size = sizeof shown;
  ASSERT_EQ(san_image_pixels(overlay.get(), &shown), SAN_OK);
  EXPECT_GT(shown.width, 56);
  const Buffer png(san_encode_png(&shown));
  const Picture again(
      san_image_decode(san_buffer_data(png.get()), san_buffer_size(png.get()), nullptr, nullptr));
  EXPECT_NE(again, nullptr) << san_last_error();
  EXPECT_EQ(
      san_save_file((folder_ / "a.png").c_str(), san_buffer_data(png.get()), san_buffer_size(png.get())),
      SAN_OK);
  EXPECT_NE(Picture(san_image_load((folder_ / "a.png").c_str(), nullptr)), nullptr);
  EXPECT_NE(Buffer(san_encode_labels(san_result_labels(r.get()), 40, 56, nullptr, 0)), nullptr);
  EXPECT_NE(Buffer(san_encode_jpeg(&pixels_, 80)), nullptr);
  EXPECT_EQ(san_result_save_scores(r.get(), (folder_ / "s.safetensors").c_str()), SAN_OK);
}

TEST_F(CApi, Int8IsAPrecision) {
  const Result exact(segment());
  san_model_options options{};
  options.size = sizeof options, options.precision = "int8";
  model_.reset(san_model_load("formula:tiny", &options));
  san_model_facts facts{};
  facts.size = sizeof facts;
  ASSERT_EQ(san_model_get_facts(model_.get(), &facts), SAN_OK) << san_last_error();
  EXPECT_STREQ(facts.precision, "int8");
  segmenter_.reset(san_segmenter_create(model_.get()));
  words_.reset(san_vocabulary_parse(model_.get(), "cat, sofa|couch, wall", nullptr));
  const Result near(segment());
  ASSERT_NE(near, nullptr) << san_last_error();
  int same = 0;
  for (int i = 0; i < 40 * 56; ++i)
    same += san_result_labels(near.get())[i] == san_result_labels(exact.get())[i] ? 1 : 0;
  EXPECT_GT(same, 40 * 56 * 8 / 10) << "steps of 1/255 move borders; a wrong layer gives one class or noise";
  options.precision = "int4";
  expect_failed(san_model_load("formula:tiny", &options), "int4");
}

TEST_F(CApi, WordsHaveAPrecisionOfTheirOwn) {
  san_model_options options{};
  options.size = sizeof options, options.text_precision = "int8";
  model_.reset(san_model_load("formula:tiny", &options));
  san_model_facts facts{};
  facts.size = sizeof facts;
  ASSERT_EQ(san_model_get_facts(model_.get(), &facts), SAN_OK) << san_last_error();
  EXPECT_STREQ(facts.text_precision, "int8");
  EXPECT_STREQ(facts.precision, "fp32");
  options.text_precision = "int4";
  expect_failed(san_model_load("formula:tiny", &options), "--text-precision int4");
  options.text_precision = "int8", options.backend = "reference";
  expect_failed(san_model_load("formula:tiny", &options), "only native");
}

TEST_F(CApi, BatchesFramesFeaturesAndVocabularies) {
  const Result one(segment());
  const san_pixels* pictures[] = {&pixels_, &pixels_};
  san_result* results[2] = {};
  ASSERT_EQ(san_segment_batch(segmenter_.get(), words_.get(), pictures, 2, nullptr, results), SAN_OK);
  const Result a(results[0]), b(results[1]);
  EXPECT_EQ(std::memcmp(san_result_labels(b.get()), san_result_labels(one.get()), 40 * 56 * 2), 0);
  std::vector<std::uint16_t> labels(40 * 56);
  ASSERT_EQ(
      san_segment_labels(segmenter_.get(), words_.get(), &pixels_, nullptr, labels.data(), labels.size()),
      SAN_OK);
  EXPECT_EQ(std::memcmp(san_result_labels(one.get()), labels.data(), 40 * 56 * 2), 0);

  const std::string path = folder_ / "words";
  ASSERT_EQ(san_vocabulary_save(words_.get(), path.c_str()), SAN_OK);
  const Owner<san_vocabulary, san_vocabulary_free> loaded(san_vocabulary_load(model_.get(), path.c_str()));
  ASSERT_EQ(san_vocabulary_size(loaded.get()), 3u);
  EXPECT_STREQ(san_vocabulary_class(loaded.get(), 1), "sofa");
  EXPECT_EQ(san_vocabulary_class(loaded.get(), 3), nullptr);
  const Owner<san_features, san_features_free> seen(san_look(segmenter_.get(), &pixels_, nullptr));
  const Result asked(san_segment_features(segmenter_.get(), seen.get(), loaded.get(), nullptr));
  ASSERT_NE(asked, nullptr) << san_last_error();
  EXPECT_EQ(std::memcmp(san_result_labels(one.get()), san_result_labels(asked.get()), 40 * 56 * 2), 0);

  const Owner<san_stream, san_stream_free> stream(san_stream_create(nullptr));
  ASSERT_NE(stream, nullptr) << san_last_error();
  for (int frame = 0; frame < 3; ++frame) {
    const Owner<san_features, san_features_free> steady(san_stream_next(stream.get(), seen.get()));
    ASSERT_NE(steady, nullptr) << san_last_error();
    EXPECT_EQ(san_stream_began_scene(stream.get()), frame == 0 ? 1 : 0);
    const Result still(san_segment_features(segmenter_.get(), steady.get(), loaded.get(), nullptr));
    EXPECT_EQ(std::memcmp(san_result_labels(one.get()), san_result_labels(still.get()), 40 * 56 * 2), 0);
  }
  EXPECT_EQ(san_stream_forget(stream.get()), SAN_OK);
  san_stream_options too_much{sizeof too_much, 1.5f, 0, 0, 0};
  EXPECT_EQ(san_stream_create(&too_much), nullptr);
  EXPECT_EQ(san_stream_next(nullptr, seen.get()), nullptr);

  std::size_t sets = 0;
  while (san_label_set_name(sets) != nullptr) ++sets;
  EXPECT_EQ(sets, shipped_label_sets().size());
  const char* single[] = {"{}"};
  san_vocabulary_options cheap{};
  cheap.size = sizeof cheap, cheap.templates = single, cheap.template_count = 1, cheap.no_cache = 1;
  const Owner<san_vocabulary, san_vocabulary_free> voc(
      san_vocabulary_of_label_set(model_.get(), "voc-20", &cheap));
  EXPECT_EQ(san_vocabulary_size(voc.get()), 20u);
  san_model_facts facts{};
  facts.size = sizeof facts;
  ASSERT_EQ(san_model_get_facts(model_.get(), &facts), SAN_OK);
  EXPECT_STREQ(facts.name, "formula:tiny");
  EXPECT_STREQ(san_backend_name(0), backends()[0].c_str());
  EXPECT_STREQ(san_method_name(0), methods()[0].c_str());
  EXPECT_EQ(san_backend_name(1000), nullptr);
}

TEST_F(CApi, TemplatesColoursAndMasksAreThoseOfCpp) {
  const std::vector<std::string> templates = Model::load("formula:tiny").facts().templates;
  ASSERT_FALSE(templates.empty());
  for (std::size_t i = 0; i < templates.size(); ++i)
    EXPECT_EQ(san_model_template(model_.get(), i), templates[i]);
  EXPECT_EQ(san_model_template(model_.get(), templates.size()), nullptr);
  EXPECT_EQ(text_of(Buffer(san_prompt_templates("single"))), prompt_templates("single")[0] + "\n");

  std::uint8_t colors[3 * 4 + 1] = {};
  colors[12] = 0xab;
  ASSERT_EQ(san_distinct_colors(colors, 4), SAN_OK);
  EXPECT_EQ(std::memcmp(colors, distinct_colors(4).data(), 12), 0);
  EXPECT_EQ(colors[12], 0xab);
  EXPECT_EQ(san_distinct_colors(nullptr, 0), SAN_OK);
  const std::string palette = text_of(Buffer(san_label_set_palette("voc-20")));
  ASSERT_EQ(palette.size(), 60u);
  EXPECT_EQ(std::memcmp(palette.data(), label_set("voc-20").palette.data(), 60), 0);
  EXPECT_EQ(text_of(Buffer(san_label_set_palette("ade20k-847"))).size(),
            label_set("ade20k-847").palette.size() * 3);

  san_segment_options options{};
  options.size = sizeof options;
  options.other = 1;
  const Result r(segment(&options));
  std::int64_t area = 0;
  for (std::size_t k = 0; k <= 3; ++k) {
    const Rle rle{40, 56, rle_counts_from_string(text_of(Buffer(san_result_rle(r.get(), k))))};
    const std::vector<std::uint8_t> mask = decode_rle(rle);
    for (std::size_t i = 0; i < mask.size(); ++i)
      ASSERT_EQ(mask[i] != 0, san_result_labels(r.get())[i] == k) << "class " << k << ", pixel " << i;
    EXPECT_EQ(rle.area(), san_result_area(r.get(), k));
    area += rle.area();
  }
  EXPECT_EQ(area, 40 * 56);
  expect_failed(Buffer(san_result_rle(r.get(), 4)).get(), "expected 0 to 3");
}

TEST_F(CApi, AProgramOfTheFirstHeaderStillWorks) {
  std::vector<std::uint16_t> labels(40 * 56);
  ASSERT_EQ(old_program(image_.rgb.data(), 40, 56, labels.data()), 0) << san_last_error();
  const Owner<san_vocabulary, san_vocabulary_free> words(
      san_vocabulary_parse(model_.get(), "cat, sofa, wall", nullptr));
  const Result now(san_segment(segmenter_.get(), words.get(), &pixels_, nullptr));
  EXPECT_EQ(std::memcmp(san_result_labels(now.get()), labels.data(), labels.size() * 2), 0);
}

TEST_F(CApi, AProgramOfALaterHeaderWorksUntilItAsksForMore) {
  struct Later {
    san_segment_options known;
    std::int64_t more;
  } options{};
  options.known.size = sizeof options;
  EXPECT_NE(Result(segment(&options.known)), nullptr) << san_last_error();
  options.more = 1;
  expect_failed(segment(&options.known), "does not know");
}

TEST_F(CApi, CancellationHasACodeOfItsOwn) {
  const Owner<san_cancellation, san_cancellation_free> stop(san_cancellation_create());
  san_segment_options options{};
  options.size = sizeof options;
  options.cancellation = stop.get();
  EXPECT_NE(Result(segment(&options)), nullptr);
  san_cancellation_cancel(stop.get());
  EXPECT_EQ(segment(&options), nullptr);
  EXPECT_EQ(san_last_status(), SAN_CANCELLED);
  san_cancellation_reset(stop.get());
  EXPECT_NE(Result(segment(&options)), nullptr);
  EXPECT_EQ(san_last_status(), SAN_OK);
  EXPECT_STREQ(san_last_error(), "");
}

TEST_F(CApi, NullIsAnErrorEverywhere) {
  const Result r(segment());
  const Proposals p(san_result_proposals(r.get(), 0, 0));
  std::uint16_t labels[4] = {};
  float scores[4] = {};
  std::uint8_t mask[4] = {};
  const std::int32_t chosen[] = {0};
  san_result* results[1] = {};
  const san_pixels* none[] = {nullptr};
  const char* null_name[] = {nullptr};
  san_segmenter* s = segmenter_.get();
  san_vocabulary* w = words_.get();
  san_model* m = model_.get();
  expect_failed(san_model_load(nullptr, nullptr), "model is NULL");
  expect_failed(san_model_get_facts(nullptr, nullptr), "model is NULL");
  expect_failed(san_model_get_facts(m, nullptr), "san_model_facts is NULL");
  expect_failed(san_model_get_cost(m, 10, 10, nullptr), "san_cost is NULL");
  expect_failed(san_vocabulary_create(nullptr, nullptr, 0, nullptr), "model is NULL");
  expect_failed(san_vocabulary_create(m, nullptr, 3, nullptr), "classes is NULL");
  expect_failed(san_vocabulary_create(m, null_name, 1, nullptr), "a class name is NULL");
  expect_failed(san_vocabulary_create(m, null_name, 0, nullptr), "class");
  expect_failed(san_vocabulary_parse(m, nullptr, nullptr), "list is NULL");
  expect_failed(san_vocabulary_read(m, nullptr, nullptr), "path is NULL");
  expect_failed(san_vocabulary_of_label_set(m, nullptr, nullptr), "label_set is NULL");
  expect_failed(san_vocabulary_of_label_set(m, "none", nullptr), "voc-20");
  expect_failed(san_vocabulary_save(nullptr, "x"), "vocabulary is NULL");
  expect_failed(san_vocabulary_load(m, nullptr), "path is NULL");
  expect_failed(san_segmenter_create(nullptr), "model is NULL");
  expect_failed(san_segmenter_warm_up(nullptr, 1, 1, nullptr), "segmenter is NULL");
  expect_failed(san_segment(nullptr, w, &pixels_, nullptr), "segmenter is NULL");
  expect_failed(san_segment(s, nullptr, &pixels_, nullptr), "vocabulary is NULL");
  expect_failed(san_segment(s, w, nullptr, nullptr), "pixels is NULL");
  expect_failed(san_segment_labels(s, w, &pixels_, nullptr, nullptr, 0), "labels is NULL");
  expect_failed(san_segment_labels(s, w, &pixels_, nullptr, labels, 4), "room for 4");
  expect_failed(san_segment_batch(s, w, nullptr, 1, nullptr, results), "pixels is NULL");
  expect_failed(san_segment_batch(s, w, none, 1, nullptr, results), "pixels is NULL");
  expect_failed(san_segment_batch(s, w, none, 1, nullptr, nullptr), "results is NULL");
  EXPECT_EQ(san_segment_batch(s, w, nullptr, 0, nullptr, nullptr), SAN_OK);
  expect_failed(san_look(s, nullptr, nullptr), "pixels is NULL");
  expect_failed(san_segment_features(s, nullptr, w, nullptr), "features is NULL");
  EXPECT_EQ(san_model_template(nullptr, 0), nullptr);
  expect_failed(san_label_set_palette(nullptr), "label_set is NULL");
  expect_failed(san_label_set_palette("none"), "voc-20");
  expect_failed(san_prompt_templates(nullptr), "set_or_file is NULL");
  expect_failed(san_distinct_colors(nullptr, 1), "rgb is NULL");
  expect_failed(san_distinct_colors(mask, 1 << 24), "at most 8388609");
  expect_failed(san_result_rle(nullptr, 0), "result is NULL");
  expect_failed(san_result_get_timing(nullptr, nullptr), "result is NULL");
  expect_failed(san_result_class_scores(r.get(), nullptr, 1, 0, 0, scores, 4), "classes is NULL");
  expect_failed(san_result_class_scores(r.get(), chosen, 1, 0, 0, scores, 4), "room for 4");
  expect_failed(san_result_class_scores(r.get(), chosen, 1, -1, 2, scores, 4), "-1");
  expect_failed(
      san_result_class_scores(r.get(), chosen, std::numeric_limits<std::size_t>::max(), 0, 0, scores, 4),
      "at most 65536");
  expect_failed(san_result_save_scores(r.get(), nullptr), "path is NULL");
  expect_failed(san_result_json(nullptr, nullptr, nullptr, nullptr), "result is NULL");
  expect_failed(san_result_overlay(nullptr, &pixels_, nullptr), "result is NULL");
  expect_failed(san_result_proposals(nullptr, 0, 0), "result is NULL");
  expect_failed(san_proposals_get(p.get(), 10000, nullptr), "proposal 10000");
  expect_failed(san_proposals_get(p.get(), 0, nullptr), "san_proposal is NULL");
  expect_failed(san_proposals_mask(p.get(), 0, mask, 4), "room for 4");
  expect_failed(san_image_load(nullptr, nullptr), "path is NULL");
  expect_failed(san_image_decode(nullptr, 10, nullptr, nullptr), "bytes is NULL");
  expect_failed(san_image_decode("x", 0, "empty.png", nullptr), "empty.png");
  expect_failed(san_image_pixels(nullptr, nullptr), "image is NULL");
  expect_failed(san_encode_png(nullptr), "pixels is NULL");
  expect_failed(san_encode_labels(nullptr, 1, 1, nullptr, 0), "labels is NULL");
  expect_failed(san_encode_labels(labels, -1, 1, nullptr, 0), "positive");
  expect_failed(san_save_file(nullptr, "x", 1), "path is NULL");
  expect_failed(san_save_file("x", nullptr, 1), "data is NULL");
  expect_failed(san_threads_create(-5), "-5");
}

TEST_F(CApi, NullIsNothingToFreeAndNothingToRead) {
  san_model_free(nullptr), san_vocabulary_free(nullptr), san_segmenter_free(nullptr),
      san_result_free(nullptr);
  san_features_free(nullptr), san_proposals_free(nullptr), san_image_free(nullptr), san_buffer_free(nullptr);
  san_cancellation_free(nullptr), san_threads_free(nullptr), san_cancellation_cancel(nullptr);
  EXPECT_EQ(san_result_height(nullptr), 0);
  EXPECT_EQ(san_result_labels(nullptr), nullptr);
  EXPECT_EQ(san_buffer_size(nullptr), 0u);
}

TEST_F(CApi, NumbersOutsideTheirRangeAreErrors) {
  const auto with = [&](auto change) {
    san_pixels p = pixels_;
    change(p);
    return san_segment(segmenter_.get(), words_.get(), &p, nullptr);
  };
  expect_failed(with([](san_pixels& p) { p.size = 0; }), "san_pixels.size is 0");
  expect_failed(with([](san_pixels& p) { p.size = std::numeric_limits<std::size_t>::max(); }),
                "san_pixels.size");
  expect_failed(with([](san_pixels& p) { p.data = nullptr; }), "data is NULL");
  expect_failed(with([](san_pixels& p) { p.height = 0; }), "at least 1");
  expect_failed(with([](san_pixels& p) { p.width = -7; }), "-7");
  expect_failed(with([](san_pixels& p) { p.height = p.width = std::numeric_limits<std::int32_t>::max(); }),
                "more than");
  expect_failed(with([](san_pixels& p) { p.format = 5; }), "format is 5");
  expect_failed(with([](san_pixels& p) { p.stride_bytes = 3; }), "3 bytes apart");
  expect_failed(with([](san_pixels& p) { p.stride_bytes = std::numeric_limits<std::size_t>::max(); }),
                "memory");
  const auto asked = [&](auto change) {
    san_segment_options o{};
    o.size = sizeof o;
    change(o);
    return segment(&o);
  };
  expect_failed(asked([](san_segment_options& o) { o.short_side = -1; }), "-1");
  expect_failed(asked([](san_segment_options& o) { o.long_side = 1 << 30; }), "long side");
  expect_failed(asked([](san_segment_options& o) { o.preprocessing = 9; }), "preprocessing is 9");
  expect_failed(asked([](san_segment_options& o) { o.tile = 5; }), "tiles of 5");
  expect_failed(asked([](san_segment_options& o) { o.tile = 64, o.tile_overlap = -2; }), "overlap by -2");
  expect_failed(asked([](san_segment_options& o) { o.window = 5; }), "windows of 5");
  EXPECT_NE(Result(asked([](san_segment_options& o) { o.tile = 32, o.tile_overlap = -1; })).get(), nullptr);
  EXPECT_NE(Result(asked([](san_segment_options& o) { o.window = 32; })).get(), nullptr);
  const Result r(segment());
  const float nan = std::nanf("");
  expect_failed(san_result_proposals(r.get(), nan, 0.5f), "nan");
  expect_failed(san_result_proposals(r.get(), 0, nan), "nan");
  expect_failed(san_result_proposals(r.get(), 0, 1.5f), "1.5");
  san_overlay_options o{};
  o.size = sizeof o;
  o.opacity = nan;
  expect_failed(san_result_overlay(r.get(), &pixels_, &o), "opacity");
  expect_failed(san_encode_jpeg(&pixels_, 0), "quality");
  expect_failed(san_segmenter_warm_up(segmenter_.get(), 0, 10, nullptr), "warm-up");
  san_cost cost{};
  cost.size = sizeof cost;
  expect_failed(san_model_get_cost(model_.get(), 0, 10, &cost), "at least 1");
  EXPECT_NE(Result(segment()), nullptr) << "after all this the segmenter still works";
}

}  // namespace
}  // namespace san::testing
