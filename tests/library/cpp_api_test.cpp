// libsan as a C++ program meets it: the shared library and include/san alone.
#include <cmath>
#include <limits>
#include <thread>

#include "base/test_error.h"
#include "library_fixture.h"
#include "san/opencv.hpp"

namespace san::testing {
namespace {

using test::error_of;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class CppApi : public Library {
 protected:
  CppApi() : model_(Model::load("formula:tiny")), words_(model_.vocabulary({"cat", "sofa|couch", "wall"})) {}

  Model model_;
  Vocabulary words_;
};

TEST_F(CppApi, EveryPixelFormatAndStrideIsThePictureItShows) {
  const Image image = picture(40, 56);
  const std::array<std::pair<PixelFormat, std::array<int, 4>>, 4> orders{
      {{PixelFormat::kRgb, {0, 1, 2, -1}},
       {PixelFormat::kBgr, {2, 1, 0, -1}},
       {PixelFormat::kRgba, {0, 1, 2, -1}},
       {PixelFormat::kBgra, {2, 1, 0, -1}}}};
  for (const auto& [format, order] : orders) {
    const auto bytes = static_cast<std::size_t>(bytes_per_pixel(format));
    const std::size_t stride = 56 * bytes + 13;
    std::vector<std::uint8_t> memory(stride * 40, 99);
    for (int y = 0; y < 40; ++y)
      for (int x = 0; x < 56; ++x)
        for (std::size_t c = 0; c < 3; ++c)
          memory[static_cast<std::size_t>(y) * stride + static_cast<std::size_t>(x) * bytes + c] =
              image.row(y)[3 * x + order[c]];
    EXPECT_EQ(to_image({memory.data(), 40, 56, format, stride}), image) << static_cast<int>(format);
  }
  const std::vector<std::uint8_t> grey{1, 2, 3, 4};
  EXPECT_EQ(to_image({grey.data(), 1, 4, PixelFormat::kGrey}).rgb,
            (std::vector<std::uint8_t>{1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4}));
}

TEST_F(CppApi, MatricesOfOpenCvAreViewsInBothDirections) {
  Image image = picture(24, 30);
  LabelMap labels(24, 30, 7);
  const cv::Mat rgb = mat(image);
  EXPECT_EQ(to_image(view(rgb, true)), image);
  EXPECT_EQ(to_image(view(rgb(cv::Rect(4, 2, 10, 12)), true)).row(3)[5], image.row(5)[17]);
  EXPECT_EQ(to_image(view(rgb)).rgb[0], image.rgb[2]) << "BGR is what OpenCV's own pictures are";
  mat(labels).at<int>(1, 2) = 9;
  EXPECT_EQ(labels.row(1)[2], 9u);
  EXPECT_THAT(error_of([] { view(cv::Mat(4, 4, CV_32F)); }), HasSubstr("8 bit"));
  EXPECT_THAT(error_of([] { view(cv::Mat()); }), HasSubstr("empty"));
}

TEST_F(CppApi, WhatAResultSaysFitsTogether) {
  Segmenter segmenter = model_.segmenter();
  SegmentationOptions options;
  options.label_scores = true;
  const Segmentation r = segmenter.segment(picture(60, 80), words_, options);
  ASSERT_EQ(r.labels.height, 60);
  ASSERT_EQ(r.labels.width, 80);
  EXPECT_EQ(r.classes(), words_.classes());
  const std::vector<int> all{0, 1, 2};
  const std::vector<float> scores = r.class_scores(all);
  std::vector<std::int64_t> areas(4);
  for (std::size_t p = 0; p < r.labels.labels.size(); ++p) {
    const std::size_t label = r.labels.labels[p];
    ASSERT_LT(label, 3u);
    ++areas[label];
    for (std::size_t k = 0; k < 3; ++k)  // 1e-6: labels and scores sum the queries in another order
      ASSERT_LE(scores[k * 4800 + p], scores[label * 4800 + p] + 1e-6f);
    EXPECT_NEAR(r.label_scores[p], scores[label * 4800 + p], 1e-6f);
  }
  EXPECT_EQ(r.areas, areas);
  EXPECT_GT(r.timing.network_ms, 0);
  EXPECT_GT(r.timing.total_ms(), r.timing.network_ms);
  EXPECT_EQ(r.class_scores({{1}}, 7, 9).size(), 63u);

  const std::vector<MaskProposal> proposals = r.proposals();
  ASSERT_FALSE(proposals.empty());
  for (std::size_t i = 0; i < proposals.size(); ++i) {
    const MaskProposal& p = proposals[i];
    EXPECT_EQ(decode_rle(p.mask).size(), 4800u);
    EXPECT_EQ(rle_counts_from_string(rle_counts_to_string(p.mask.counts)), p.mask.counts);
    EXPECT_GE(p.score(), i + 1 < proposals.size() ? proposals[i + 1].score() : 0);
  }
  const std::string json = r.json({.image = "a.png", .model = "m", .colors = {}, .proposals = proposals});
  EXPECT_THAT(json, AllOf(HasSubstr("\"image\": \"a.png\""), HasSubstr("\"proposals\""),
                          HasSubstr("\"mean_score\"")));
  EXPECT_TRUE(json.ends_with("}\n") && !json.ends_with("\n\n"));
}

TEST_F(CppApi, TheBuiltInModelsScoresStandForProbabilities) {
  EXPECT_FALSE(model_.facts().curve.known());
  const Model built_in = Model::load();
  const ScoreCurve curve = built_in.facts().curve;
  ASSERT_TRUE(curve.known());
  Segmenter segmenter = built_in.segmenter();
  const Vocabulary words = built_in.vocabulary({"cat", "car", "sky"});
  SegmentationOptions options;
  options.label_scores = true;
  const Segmentation all = segmenter.segment(picture(60, 80), words, options);
  EXPECT_THAT(all.json(), AllOf(HasSubstr("\"calibration\""), HasSubstr("\"mean_probability\"")));
  std::vector<float> sorted = all.label_scores;
  std::ranges::sort(sorted);
  options.min_score = static_cast<float>(curve.probability(static_cast<double>(sorted[sorted.size() / 2])));
  const Segmentation sure = segmenter.segment(picture(60, 80), words, options);
  EXPECT_EQ(sure.label_scores, all.label_scores);
  for (std::size_t p = 0; p < all.label_scores.size(); ++p) {
    const double probability = curve.probability(static_cast<double>(all.label_scores[p]));
    if (std::abs(probability - static_cast<double>(options.min_score)) < 1e-6)
      continue;  // float32's rounding
    ASSERT_EQ(sure.labels.labels[p] == words.classes().size(),
              probability < static_cast<double>(options.min_score));
  }
  ModelOptions raw;
  raw.calibration = "none";
  EXPECT_FALSE(Model::load("default", raw).facts().curve.known());
}

TEST_F(CppApi, PicturesGoInAndOutThroughMemory) {
  const Image image = picture(33, 47);
  const std::vector<std::byte> png = encode_png(image);
  EXPECT_EQ(decode_image(png, "a.png"), image);
  save_file(folder_ / "a.png", png);
  EXPECT_EQ(load_image(folder_ / "a.png"), image);
  EXPECT_EQ(decode_image(encode_jpeg(image, 90), "a.jpg").width, 47);
  Segmenter segmenter = model_.segmenter();
  const Segmentation r = segmenter.segment(image, words_);
  EXPECT_GT(draw_overlay(image, r).width, 47) << "the legend stands beside the picture";
  const Image cell = sheet_cell(image, r);
  EXPECT_EQ(cell.height, 256);
  EXPECT_GT(draw_sheet(std::vector{cell, cell}).width, 2 * cell.width);
  EXPECT_FALSE(encode_labels(r.labels, distinct_colors(3)).empty());
  DecodeOptions small;
  small.max_pixels = 100;
  EXPECT_THAT(error_of([&] { decode_image(png, "a.png", small); }),
              AllOf(HasSubstr("a.png"), HasSubstr("100")));
  EXPECT_THAT(error_of([&] { decode_image(std::span(png).first(40), "cut.png"); }), HasSubstr("cut.png"));
}

TEST_F(CppApi, BatchesFramesAndAskingAgainGiveWhatSinglePicturesGive) {
  Segmenter segmenter = model_.segmenter();
  segmenter.warm_up(50, 70);
  const Image a = picture(50, 70), b = picture(64, 40, 2);
  const LabelMap first = segmenter.segment(a, words_).labels, second = segmenter.segment(b, words_).labels;
  SegmentationOptions options;
  std::vector<std::int64_t> done;
  options.watch.progress = [&](std::int64_t n, std::int64_t total) {
    EXPECT_EQ(total, 2);
    done.push_back(n);
  };
  const std::vector<ImageView> views{a, b};
  const std::vector<Segmentation> batch = segmenter.segment_batch(views, words_, options);
  EXPECT_EQ(batch.at(0).labels, first);
  EXPECT_EQ(batch.at(1).labels, second);
  EXPECT_THAT(done, ::testing::ElementsAre(1, 2));

  Segmentation reused;
  segmenter.segment(a, words_, {}, reused);
  const Label* memory = reused.labels.labels.data();
  segmenter.segment(a, words_, {}, reused);
  EXPECT_EQ(reused.labels, first);
  EXPECT_EQ(reused.labels.labels.data(), memory);
  segmenter.segment(b, words_, {}, reused);
  EXPECT_EQ(reused.labels, second);

  const ImageFeatures seen = segmenter.look(a);
  EXPECT_EQ(segmenter.segment(seen, model_.vocabulary({"sky", "road"})).classes().size(), 2u);
  EXPECT_EQ(segmenter.segment(seen, words_).labels, first);
  EXPECT_GE(seen.bytes(), sizeof(float));
  EXPECT_GT(segmenter.look(a, {.short_side = 256, .watch = {}}).bytes(),
            segmenter.look(a, {.short_side = 64, .watch = {}}).bytes());
}

TEST_F(CppApi, StillVideosStayAsTheyAreSteadied) {
  Segmenter segmenter = model_.segmenter();
  const Image a = picture(50, 70), b = picture(64, 40, 2);
  const LabelMap first = segmenter.segment(a, words_).labels;
  Stream stream({.decay = 0.9f, .mask_decay = 0.5f});
  WholeClip clip({.alike = 0.999f, .share = 1.0f, .decay = 0.9f, .mask_decay = 0.5f});
  Segmentation result;
  for (int frame = 0; frame < 4; ++frame) {
    const ImageFeatures seen = segmenter.look(a);
    clip.add(seen);
    segmenter.segment(stream.next(seen), words_, {}, result);
    EXPECT_EQ(stream.began_scene(), frame == 0);
    EXPECT_EQ(result.labels, first);
  }
  EXPECT_EQ(segmenter.segment(clip.steady(segmenter.look(a)), words_).labels, first);
  stream.next(segmenter.look(b));
  EXPECT_TRUE(stream.began_scene()) << "another size";
  stream.forget();
  stream.next(segmenter.look(b));
  EXPECT_TRUE(stream.began_scene());
  EXPECT_THAT(error_of([&] { clip.add(segmenter.look(a)); }), HasSubstr("after another was steadied"));
  EXPECT_THAT(error_of([] { Stream({.decay = -1.0f}); }), HasSubstr("0 to 1"));
  ModelOptions grids;
  grids.method = "maskclip";
  Segmenter other = Model::load("formula:tiny", grids).segmenter();
  EXPECT_THAT(error_of([&] { Stream().next(other.look(a)); }), HasSubstr("only method san"));
}

TEST_F(CppApi, AStreamThatIsSavedGoesOnAsIfItHadNotBeenLeft) {
  const Model model = Model::load("formula:tiny");
  const Vocabulary words = model.vocabulary({"cat", "wall"});
  Segmenter segmenter = model.segmenter();
  const Image frames[] = {picture(40, 56), picture(40, 56, 2), picture(40, 56, 3), picture(40, 56, 2)};
  const std::filesystem::path path = folder_ / "stream.safetensors";
  const auto scores = [&](Stream& stream, const Image& frame) {
    return segmenter.segment(stream.next(segmenter.look(frame)), words).class_scores(std::vector{0, 1});
  };
  Stream whole({.cut = 0}), first({.cut = 0}), second({.cut = 0});
  first.save(path);
  second.load(path);
  EXPECT_EQ(scores(second, frames[0]), scores(whole, frames[0])) << "nothing was known";
  scores(first, frames[0]);
  EXPECT_EQ(scores(first, frames[1]), scores(whole, frames[1]));
  first.save(path);
  second.load(path);
  for (const int i : {2, 3}) EXPECT_EQ(scores(second, frames[i]), scores(whole, frames[i])) << "frame " << i;

  const std::string bytes = read_file(path);
  for (const std::size_t cut : {bytes.size() - 8, bytes.size() / 2, std::size_t{9}, std::size_t{0}}) {
    write_file(path, bytes.substr(0, cut));
    EXPECT_THAT(error_of([&] { second.load(path); }), HasSubstr("stream.safetensors"));
  }
  EXPECT_THAT(error_of([&] { second.load(folder_ / "none"); }), HasSubstr("none"));
  EXPECT_THAT(error_of([&] { first.save(folder_ / "no/folder"); }), HasSubstr("no/folder"));
}

TEST_F(CppApi, SeveralViewsAndTiles) {
  Segmenter segmenter = model_.segmenter();
  const Image wide = picture(70, 200);
  SegmentationOptions options;
  options.label_scores = true;
  const Segmentation plain = segmenter.segment(wide, words_, options);
  options.augment = true;
  const Segmentation augmented = segmenter.segment(picture(24, 24), words_, options);
  EXPECT_EQ(augmented.class_scores({{0, 1, 2}}).size(), 3u * 24 * 24);
  EXPECT_THAT(error_of([&] { augmented.proposals(); }), HasSubstr("several views"));
  EXPECT_THAT(error_of([&] { segmenter.look(wide, options); }), HasSubstr("augment"));
  EXPECT_THAT(error_of([&] { segmenter.explain(wide, words_, options); }), HasSubstr("augment"));
  options.augment = false;
  options.window = 70;
  const Segmentation windows = segmenter.segment(wide, words_, options);
  EXPECT_EQ(windows.class_scores({{0}}).size(), 70u * 200);
  EXPECT_THAT(error_of([&] { windows.class_scores({{0}}, 10, 10); }), HasSubstr("200 × 70"));

  options.window = 0;
  options.tile = 64;
  options.tile_overlap = 16;
  const Segmentation tiled = segmenter.segment(wide, words_, options);
  EXPECT_NE(tiled.label_scores, plain.label_scores);
  EXPECT_EQ(tiled.label_scores.size(), 70u * 200);
  EXPECT_THAT(tiled.json(), HasSubstr("\"width\": 200"));
  EXPECT_THAT(error_of([&] { tiled.class_scores({{0}}); }), HasSubstr("tiles"));
  options.tile_overlap = 0;
  EXPECT_EQ(segmenter.segment(wide, words_, options).labels, tiled.labels) << "a quarter of the side";

  // The same from a picture that is read piece by piece.
  std::vector<std::pair<std::int64_t, std::int64_t>> told;
  options.watch.progress = [&](std::int64_t done, std::int64_t all) { told.emplace_back(done, all); };
  LabelMap together(70, 200);
  std::int64_t area = 0;
  segmenter.segment_tiles({70, 200,
                           [&](int y, int x, int height, int width, Image& into) {
                             into = Image(height, width);
                             for (int row = 0; row < height; ++row)
                               std::copy_n(wide.row(y + row) + 3 * x, 3 * width, into.row(row));
                           }},
                          words_, options, [&](LabelRows& rows) {
                            std::ranges::copy(rows.labels.labels, together.row(rows.y));
                            for (const std::int64_t pixels : rows.areas) area += pixels;
                            EXPECT_EQ(rows.label_scores.size(), rows.labels.labels.size());
                          });
  EXPECT_EQ(together, tiled.labels);
  EXPECT_EQ(area, 70 * 200);
  ASSERT_EQ(told.size(), 8u);
  EXPECT_EQ(told.back(), (std::pair<std::int64_t, std::int64_t>{8, 8}));

  const auto refused = [&](auto change) {
    SegmentationOptions wrong;
    change(wrong);
    return error_of([&] { segmenter.segment(wide, words_, wrong); });
  };
  EXPECT_THAT(refused([](auto& o) { o.tile = 31; }), HasSubstr("tiles of 31"));
  EXPECT_THAT(refused([](auto& o) { o.window = -1; }), HasSubstr("windows of -1"));
  EXPECT_THAT(refused([](auto& o) { o.tile = o.window = 64; }), HasSubstr("one of them"));
  EXPECT_THAT(refused([](auto& o) { o.tile = 64, o.tile_overlap = 33; }), HasSubstr("overlap by 33"));
  options.tile = 0;
  EXPECT_THAT(error_of([&] { segmenter.segment_tiles({}, words_, options, [](LabelRows&) {}); }),
              HasSubstr("side"));
}

TEST_F(CppApi, ResultsOutliveWhatMadeThem) {
  Segmentation r;
  {
    const Model model = Model::load("formula:tiny");
    r = model.segmenter().segment(picture(40, 40), model.vocabulary({"a", "b"}));
  }
  EXPECT_EQ(r.class_scores({{0, 2}}).size(), 2u * 1600);
  EXPECT_FALSE(r.proposals().empty());
}

TEST_F(CppApi, VocabulariesAreKeptInFiles) {
  const auto path = folder_ / "words.safetensors";
  words_.save(path);
  const Vocabulary again = model_.load_vocabulary(path);
  EXPECT_EQ(again.classes(), words_.classes());
  Segmenter segmenter = model_.segmenter();
  const Image image = picture(48, 48);
  EXPECT_EQ(segmenter.segment(image, again).labels, segmenter.segment(image, words_).labels);

  ModelOptions other;
  other.formula_seed = "other";
  const Model stranger = Model::load("formula:tiny", other);
  EXPECT_THAT(error_of([&] { stranger.load_vocabulary(path); }), HasSubstr("another text tower"));
  EXPECT_THAT(error_of([&] { stranger.segmenter().segment(image, words_); }),
              HasSubstr("another text tower"));
  write_file(path, read_file(path).substr(0, 200));
  EXPECT_THAT(error_of([&] { model_.load_vocabulary(path); }), HasSubstr("words.safetensors"));
  write_file(folder_ / "none", "text");
  EXPECT_THAT(error_of([&] { model_.load_vocabulary(folder_ / "none"); }), HasSubstr("none"));
}

TEST_F(CppApi, WorkEndsWhenAskedTo) {
  const std::atomic<bool> stop{true};
  SegmentationOptions options;
  options.watch.cancelled = &stop;
  Segmenter segmenter = model_.segmenter();
  const Image image = picture(40, 40);
  EXPECT_THROW(segmenter.segment(image, words_, options), Cancelled);
  EXPECT_NO_THROW(segmenter.segment(image, words_)) << "the segmenter stays usable";
  VocabularyOptions v;
  v.watch.cancelled = &stop;
  EXPECT_THROW(model_.vocabulary({"something new"}, v), Cancelled);
  v.watch = {};
  v.watch.progress = [](std::int64_t done, std::int64_t total) {
    EXPECT_LE(done, total);
    throw std::runtime_error("enough");
  };
  EXPECT_THROW(model_.vocabulary({"something else"}, v), std::runtime_error);
}

TEST_F(CppApi, FactsOfAModelAreTold) {
  const ModelFacts facts = model_.facts();
  EXPECT_EQ(facts.name, "formula:tiny");
  EXPECT_TRUE(facts.random_weights);
  EXPECT_GT(facts.text_parameters, 0);
  EXPECT_GT(facts.parameters, facts.text_parameters);
  EXPECT_EQ(facts.backend, "native");
  EXPECT_FALSE(facts.templates.empty());
  const PictureCost cost = model_.cost(60, 80);
  EXPECT_GT(cost.macs, 0);
  EXPECT_GE(cost.width, cost.height);
  EXPECT_THAT(backends(), ::testing::Contains("native"));
  EXPECT_THAT(methods(), ::testing::Contains("san"));

  const ModelFacts built_in = Model::load().facts();
  EXPECT_THAT(built_in.limits, HasSubstr("Photographs"));
  EXPECT_THAT(built_in.license, HasSubstr("Apache"));
}

TEST_F(CppApi, AKnownModelThatIsNotHereIsToldOfAndNotFetched) {
  ::setenv("SAN_MODELS_DIR", (folder_ / "models").c_str(), 1);
  try {
    Model::load("san-vit-b-16");
    ADD_FAILURE() << "found in an empty folder";
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("san pull san-vit-b-16"));
  }
  ::unsetenv("SAN_MODELS_DIR");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "models"));
}

TEST_F(CppApi, AMethodIsChosenWithTheModelAndSaysWhatItCannotDo) {
  const Image image = picture(48, 64);
  for (const char* method : {"maskclip", "crops"}) {
    ModelOptions options;
    options.method = method;
    const Model model = Model::load("formula:tiny", options);
    EXPECT_EQ(model.facts().method, method);
    Segmenter segmenter = model.segmenter();
    const Segmentation r = segmenter.segment(segmenter.look(image), words_);
    EXPECT_EQ(segmenter.segment(image, words_).labels, r.labels) << method;
    EXPECT_EQ(r.class_scores({{0, 1, 2}}).size(), 3u * 48 * 64);
    if (std::string(method) == "crops") continue;
    EXPECT_THAT(error_of([&] { r.proposals(); }), HasSubstr("no mask proposals"));
    SegmentationOptions other;
    other.other = true;
    EXPECT_THAT(error_of([&] { segmenter.segment(image, words_, other); }), HasSubstr("background"));
  }
}

TEST_F(CppApi, MisuseIsOneError) {
  Segmenter segmenter = model_.segmenter();
  const Image image = picture(20, 20);
  const auto refuses = [&](const ImageView& bad) {
    return error_of([&] { segmenter.segment(bad, words_); });
  };
  EXPECT_THAT(refuses({nullptr, 4, 4}), HasSubstr("null"));
  EXPECT_THAT(refuses({image.rgb.data(), 0, 4}), HasSubstr("4 × 0"));
  EXPECT_THAT(refuses({image.rgb.data(), 4, -4}), HasSubstr("-4"));
  EXPECT_THAT(refuses({image.rgb.data(), 4, 4, PixelFormat::kRgb, 11}), HasSubstr("11 bytes apart"));
  EXPECT_THAT(refuses({image.rgb.data(), 1 << 30, 1 << 30}), HasSubstr("more than"));
  EXPECT_THAT(
      refuses({image.rgb.data(), 9, 4, PixelFormat::kRgb, std::numeric_limits<std::size_t>::max() / 4}),
      HasSubstr("memory"));
  EXPECT_THAT(refuses({image.rgb.data(), 4, 4, static_cast<PixelFormat>(77)}), HasSubstr("format 77"));
  Image hollow = image;
  hollow.rgb.resize(10);
  EXPECT_THAT(error_of([&] { segmenter.segment(hollow, words_); }), HasSubstr("10 bytes"));

  SegmentationOptions options;
  options.short_side = -1;
  EXPECT_THAT(error_of([&] { segmenter.segment(image, words_, options); }), HasSubstr("short side of -1"));
  options.short_side = 65536;
  EXPECT_THAT(error_of([&] { segmenter.segment(image, words_, options); }), HasSubstr("65536"));

  const Segmentation r = segmenter.segment(image, words_);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(error_of([&] { r.proposals({nan, 0.5f}); }), HasSubstr("nan"));
  EXPECT_THAT(error_of([&] { r.proposals({0.0f, nan}); }), HasSubstr("nan"));
  EXPECT_THAT(error_of([&] { r.class_scores({{4}}); }), HasSubstr("class 4"));
  EXPECT_THAT(error_of([&] { r.class_scores({{0}}, -1, 5); }), HasSubstr("-1"));
  OverlayOptions o;
  o.opacity = nan;
  EXPECT_THAT(error_of([&] { draw_overlay(image, r, {}, o); }), HasSubstr("opacity"));
  EXPECT_THAT(error_of([&] { draw_overlay(picture(10, 10), r); }), HasSubstr("10 × 10"));
  EXPECT_THAT(error_of([&] { draw_overlay(image, r, distinct_colors(2)); }), HasSubstr("2 colours"));
  Segmentation edited = r;
  edited.labels.labels[5] = 400;
  EXPECT_THAT(error_of([&] { static_cast<void>(edited.json()); }), HasSubstr("label"));
  EXPECT_THAT(error_of([] { static_cast<void>(Segmentation().classes()); }), HasSubstr("no result"));

  const ImageFeatures seen = segmenter.look(image);
  EXPECT_THAT(error_of([&] { model_.vocabulary(std::vector<std::string>{}); }), HasSubstr("class"));
  EXPECT_THAT(error_of([&] { model_.vocabulary({"a", "A"}); }), HasSubstr("twice"));
  EXPECT_THAT(error_of([&] { ThreadBudget(-1); }), HasSubstr("-1"));
  for (const char* backend : {"torch", "abacus"}) {
    ModelOptions m;
    m.backend = backend;
    EXPECT_THAT(error_of([&] { Model::load("formula:tiny", m); }),
                AllOf(HasSubstr(backend), HasSubstr("native")));
  }
  ModelOptions m;
  m.method = "guess";
  EXPECT_THAT(error_of([&] { Model::load("formula:tiny", m); }), HasSubstr("guess"));
  EXPECT_THAT(error_of([] { Model::load("none.safetensors"); }), HasSubstr("none.safetensors"));
}

TEST_F(CppApi, WhatWasMovedFromSaysSo) {
  Model model = Model::load("formula:tiny");
  Vocabulary words = model.vocabulary({"a", "b"});
  Segmenter segmenter = model.segmenter();
  ImageFeatures seen = segmenter.look(picture(20, 20));
  const Model m = std::move(model);
  const Vocabulary v = std::move(words);
  Segmenter s = std::move(segmenter);
  const ImageFeatures f = std::move(seen);
  // NOLINTBEGIN(bugprone-use-after-move): that is what is tested
  EXPECT_THAT(error_of([&] { model.segmenter(); }), HasSubstr("moved from"));
  EXPECT_THAT(error_of([&] { static_cast<void>(words.classes()); }), HasSubstr("moved from"));
  EXPECT_THAT(error_of([&] { segmenter.segment(picture(20, 20), v); }), HasSubstr("moved from"));
  EXPECT_THAT(error_of([&] { static_cast<void>(seen.height()); }), HasSubstr("moved from"));
  // NOLINTEND(bugprone-use-after-move)
  EXPECT_EQ(s.segment(f, v).labels.height, 20);
}

}  // namespace
}  // namespace san::testing
