// From C: what a model says of itself, and frames of videos, steadied and segmented into the same memory.
#include "c_api_fixture.h"

namespace san::testing {
namespace {

using Video = Owner<san_stream, san_stream_free>;
using Clip = Owner<san_whole_clip, san_whole_clip_free>;

TEST_F(CApi, FactsSayHowMinScoreIsMeantAndWhetherBanksAreTaken) {
  const auto facts_of = [](const char* name, const char* method, const char* calibration) {
    auto options = sized<san_model_options>();
    options.method = method, options.calibration = calibration;
    const CModel model(san_model_load(name, &options));
    auto facts = sized<san_model_facts>();
    EXPECT_EQ(san_model_get_facts(model.get(), &facts), SAN_OK) << san_last_error();
    return facts;
  };
  const ScoreCurve curve = Model::load("default").facts().curve;
  ASSERT_TRUE(curve.known());
  const san_model_facts built_in = facts_of("default", nullptr, nullptr);
  EXPECT_EQ(built_in.curve_a, curve.a);
  EXPECT_EQ(built_in.curve_b, curve.b);
  EXPECT_EQ(built_in.knows_curve, 1);
  EXPECT_EQ(built_in.takes_banks, 1);
  const san_model_facts plain = facts_of("default", nullptr, "none");
  EXPECT_EQ(plain.curve_a, 1);
  EXPECT_EQ(plain.curve_b, 1);
  EXPECT_EQ(plain.knows_curve, 0);
  EXPECT_EQ(facts_of("formula:tiny", "maskclip", nullptr).takes_banks, 0);
  auto options = sized<san_model_options>();
  options.calibration = "no/such/file";
  expect_failed(san_model_load("formula:tiny", &options), "no/such/file");
}

TEST_F(CApi, FactsOfAnOlderHeaderAreFilledAsFarAsItReaches) {
  struct {
    san_model_facts facts;
    std::uint8_t beyond[8];
  } old{};
  std::memset(static_cast<void*>(&old), 0xab, sizeof old);
  old.facts.size = offsetof(san_model_facts, curve_a);
  ASSERT_EQ(san_model_get_facts(model_.get(), &old.facts), SAN_OK) << san_last_error();
  EXPECT_STREQ(old.facts.name, "formula:tiny");
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&old);
  for (std::size_t i = old.facts.size; i < sizeof old; ++i) ASSERT_EQ(bytes[i], 0xab) << i;
}

TEST_F(CApi, FeaturesTellTheirSizes) {
  const Seen seen(san_look(segmenter_.get(), &pixels_, nullptr));
  EXPECT_EQ(san_features_height(seen.get()), 40);
  EXPECT_EQ(san_features_width(seen.get()), 56);
  Segmenter cpp = Model::load("formula:tiny").segmenter();
  EXPECT_EQ(san_features_bytes(seen.get()), cpp.look(image_).bytes());
  EXPECT_EQ(san_features_height(nullptr), 0);
  EXPECT_EQ(san_features_width(nullptr), 0);
  EXPECT_EQ(san_features_bytes(nullptr), 0u);
}

TEST_F(CApi, FramesGoIntoAResultOfBefore) {
  const Result first(segment()), frame(segment());
  const Image other = picture(40, 56, 3);
  san_pixels pixels = pixels_;
  pixels.data = other.rgb.data();
  ASSERT_EQ(san_segment_into(segmenter_.get(), words_.get(), &pixels, nullptr, frame.get()), SAN_OK);
  const Result expected(san_segment(segmenter_.get(), words_.get(), &pixels, nullptr));
  EXPECT_EQ(std::memcmp(san_result_labels(frame.get()), san_result_labels(expected.get()), 40 * 56 * 2), 0);
  EXPECT_NE(std::memcmp(san_result_labels(frame.get()), san_result_labels(first.get()), 40 * 56 * 2), 0)
      << "the pictures differ in what is found";

  const Seen seen(san_look(segmenter_.get(), &pixels_, nullptr));
  ASSERT_EQ(san_segment_features_into(segmenter_.get(), seen.get(), words_.get(), nullptr, frame.get()),
            SAN_OK);
  EXPECT_EQ(std::memcmp(san_result_labels(frame.get()), san_result_labels(first.get()), 40 * 56 * 2), 0);

  // Cancelled halfway through tiles, it is what it was.
  const Owner<san_cancellation, san_cancellation_free> stop(san_cancellation_create());
  san_cancellation_cancel(stop.get());
  auto options = sized<san_segment_options>();
  options.cancellation = stop.get(), options.tile = 32;
  EXPECT_EQ(san_segment_into(segmenter_.get(), words_.get(), &pixels, &options, frame.get()), SAN_CANCELLED);
  EXPECT_EQ(san_result_classes(frame.get()), 3u);
  EXPECT_EQ(std::memcmp(san_result_labels(frame.get()), san_result_labels(first.get()), 40 * 56 * 2), 0);

  expect_failed(san_segment_into(segmenter_.get(), words_.get(), &pixels, nullptr, nullptr),
                "result is NULL");
  expect_failed(san_segment_features_into(segmenter_.get(), nullptr, words_.get(), nullptr, frame.get()),
                "features is NULL");
}

TEST_F(CApi, AStreamThatIsSavedGoesOnInAnother) {
  const auto scores = [&](const Video& stream, int changed) {  // some bytes, so that the scene stays
    Image image = image_;
    std::fill_n(image.row(4), changed, std::uint8_t{250});
    san_pixels pixels = pixels_;
    pixels.data = image.rgb.data();
    const Seen seen(san_look(segmenter_.get(), &pixels, nullptr));
    const Seen steady(san_stream_next(stream.get(), seen.get()));
    const Result r(san_segment_features(segmenter_.get(), steady.get(), words_.get(), nullptr));
    const std::int32_t chosen[] = {0, 1, 2};
    std::vector<float> found(3 * 40 * 56);
    EXPECT_EQ(san_result_class_scores(r.get(), chosen, 3, 0, 0, found.data(), found.size()), SAN_OK);
    return found;
  };
  auto options = sized<san_stream_options>();
  options.cut = -1;
  const Video whole(san_stream_create(&options)), next(san_stream_create(&options)),
      forgetful(san_stream_create(&options));
  const std::string path = folder_ / "stream";
  scores(whole, 1);
  ASSERT_EQ(san_stream_save(whole.get(), path.c_str()), SAN_OK) << san_last_error();
  ASSERT_EQ(san_stream_load(next.get(), path.c_str()), SAN_OK) << san_last_error();
  const std::vector<float> steady = scores(whole, 2);
  EXPECT_EQ(scores(next, 2), steady);
  EXPECT_NE(scores(forgetful, 2), steady) << "what was before counts";

  expect_failed(san_stream_save(nullptr, path.c_str()), "stream is NULL");
  expect_failed(san_stream_save(whole.get(), nullptr), "path is NULL");
  expect_failed(san_stream_load(nullptr, path.c_str()), "stream is NULL");
  expect_failed(san_stream_load(next.get(), nullptr), "path is NULL");
  expect_failed(san_stream_load(next.get(), (folder_ / "none").c_str()), "none");
}

TEST_F(CApi, WholeClipsAreSteadiedAsInCpp) {
  const Model model = Model::load("formula:tiny");
  const Vocabulary words = model.vocabulary({"cat", "sofa|couch", "wall"});
  Segmenter cpp = model.segmenter();
  WholeClip expected({.alike = 0.9f, .share = 0.8f, .decay = 0.6f, .mask_decay = 0});
  auto options = sized<san_whole_clip_options>();
  options.alike = 0.9f, options.share = 0.8f, options.decay = 0.6f, options.mask_decay = -1;
  const Clip clip(san_whole_clip_create(&options));
  ASSERT_NE(clip, nullptr) << san_last_error();
  const auto seen = [&](int seed) {
    const Image image = picture(40, 56, seed);
    san_pixels pixels = pixels_;
    pixels.data = image.rgb.data();
    return Seen(san_look(segmenter_.get(), &pixels, nullptr));
  };
  for (const int seed : {1, 2, 3}) {
    expected.add(cpp.look(picture(40, 56, seed)));
    ASSERT_EQ(san_whole_clip_add(clip.get(), seen(seed).get()), SAN_OK) << san_last_error();
  }
  const std::int32_t chosen[] = {0, 1, 2};
  std::vector<float> scores(3 * 40 * 56);
  for (const int seed : {1, 2, 3}) {
    const Seen steady(san_whole_clip_steady(clip.get(), seen(seed).get()));
    const Result r(san_segment_features(segmenter_.get(), steady.get(), words_.get(), nullptr));
    ASSERT_NE(r, nullptr) << san_last_error();
    ASSERT_EQ(san_result_class_scores(r.get(), chosen, 3, 0, 0, scores.data(), scores.size()), SAN_OK);
    const Segmentation s = cpp.segment(expected.steady(cpp.look(picture(40, 56, seed))), words);
    EXPECT_EQ(scores, s.class_scores(chosen)) << "frame " << seed;
  }
  expect_failed(san_whole_clip_add(clip.get(), seen(1).get()), "after another was steadied");
  options.alike = 2;
  expect_failed(san_whole_clip_create(&options), "2");
  EXPECT_NE(Clip(san_whole_clip_create(nullptr)), nullptr) << san_last_error();
  expect_failed(san_whole_clip_add(nullptr, nullptr), "clip is NULL");
  expect_failed(san_whole_clip_add(clip.get(), nullptr), "frame is NULL");
  expect_failed(san_whole_clip_steady(clip.get(), nullptr), "frame is NULL");
  san_whole_clip_free(nullptr), san_stream_free(nullptr);
}

}  // namespace
}  // namespace san::testing
