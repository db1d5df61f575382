#include "engine/many_views.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "backend/native/native_backend.h"
#include "base/error.h"
#include "engine/test_engine.h"
#include "image/crop.h"

namespace san {
namespace {

using test::encode;

/// Blobs of several sizes, so that neighbouring tiles differ.
Image blobs(int height, int width) {
  Image image(height, width);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      std::uint8_t* p = image.row(y) + static_cast<std::ptrdiff_t>(x) * 3;
      p[0] = static_cast<std::uint8_t>(x * 255 / width);
      p[1] = static_cast<std::uint8_t>((x / 23 + y / 31) % 2 * 200);
      p[2] = static_cast<std::uint8_t>((x * x + y * y) / 97 % 256);
    }
  return image;
}

class ManyViews : public ::testing::TestWithParam<const char*> {
 protected:
  ManyViews() { views_.tiles = {.side = 64, .overlap = 16}; }

  std::shared_ptr<const Engine> engine_ = std::make_shared<const Engine>(
      load_model("formula:tiny"), make_native_backend({.threads = 2}), GetParam());
  std::shared_ptr<const TextEmbeddings> words_ = encode(*engine_, "cat, sofa|couch, sky, wall, tree, lamp");
  Session session_{engine_, 2};
  Image image_ = blobs(150, 190);
  ViewOptions views_{.short_side = 64, .max_side = 256};
};

TEST_P(ManyViews, BandsArePartsOfWhatAllTilesGiveAtOnce) {
  SegmentOptions options;
  options.label_scores = true;
  const auto views = plan_views(image_.height, image_.width, views_);
  ASSERT_EQ(views.size(), 12u);
  const std::vector<Logits> logits = look_in_views(session_, image_, words_, views, options.look);
  const std::vector<int> row_class = words_->row_classes();
  const SegmentationResult at_once = session_.segmentation_head().run(
      head_views(logits), image_.height, image_.width, head_options(*words_, row_class, options));

  int next = 0, bands = 0;
  std::vector<std::int64_t> areas(words_->classes.size() + 1);
  std::vector<std::pair<std::int64_t, std::int64_t>> told;
  int asked = 0;
  const PictureParts parts{image_.height, image_.width,
                           [&](int y, int x, int height, int width, Image& into) {
                             ++asked;
                             into = crop(image_, y, x, height, width);
                           }};
  segment_tiles(
      session_, parts, words_, views_, options,
      [&](std::int64_t done, std::int64_t total) { told.emplace_back(done, total); },
      [&](int y, SegmentationResult& rows) {
        EXPECT_EQ(y, next) << "from top to bottom without a gap";
        next += rows.labels.height;
        ++bands;
        for (int r = 0; r < rows.labels.height; ++r)
          for (int x = 0; x < image_.width; ++x) {
            const auto here = static_cast<std::size_t>(r * image_.width + x),
                       there = static_cast<std::size_t>((y + r) * image_.width + x);
            ASSERT_EQ(rows.labels.labels[here], at_once.labels.labels[there]) << y + r << ", " << x;
            ASSERT_EQ(rows.label_scores[here], at_once.label_scores[there]) << y + r << ", " << x;
          }
        for (std::size_t k = 0; k < areas.size(); ++k) areas[k] += rows.areas[k];
        rows = {};  // as a caller who keeps it would leave it
      });
  EXPECT_EQ(next, image_.height);
  EXPECT_EQ(bands, 3);
  EXPECT_EQ(asked, 12) << "every tile is read once";
  EXPECT_EQ(areas, at_once.areas);
  EXPECT_EQ(told.size(), 12u);
  EXPECT_EQ(told.back(), (std::pair<std::int64_t, std::int64_t>{12, 12}));

  SegmentationResult whole;
  TileTimes times;
  segment_tiles(session_, image_, words_, views_, options, {}, whole, &times);
  EXPECT_EQ(whole.labels, at_once.labels);
  EXPECT_EQ(whole.label_scores, at_once.label_scores);
  EXPECT_EQ(whole.areas, at_once.areas);
  EXPECT_GT(times.network_ms, 0);
}

TEST_P(ManyViews, APictureThatFitsIntoATileIsSeenWhole) {
  views_.tiles = {.side = 200, .overlap = 50};
  SegmentationResult tiled;
  segment_tiles(session_, image_, words_, views_, {}, {}, tiled);
  SegmentOptions options;
  options.look.short_side = views_.short_side, options.look.long_side = views_.max_side;
  EXPECT_EQ(tiled.labels, session_.segment(image_, words_, options).labels);
}

TEST_P(ManyViews, WhatReadsThePictureMayFail) {
  const auto run = [&](const PictureParts& parts) {
    segment_tiles(session_, parts, words_, views_, {}, {}, [](int, SegmentationResult&) {});
  };
  EXPECT_THROW(run({100, 100, [](int, int, int, int, Image&) { fail("gone"); }}), Error);
  EXPECT_THROW(run({100, 100, [](int, int, int, int, Image& into) { into = Image(3, 3); }}), Error);
  EXPECT_THROW(run({0, 100, [](int, int, int, int, Image&) {}}), Error);
}

INSTANTIATE_TEST_SUITE_P(Methods, ManyViews, ::testing::Values("san", "maskclip"));

/// How often a pixel and its right neighbour have different labels, column by column.
std::vector<double> changes(const LabelMap& map) {
  std::vector<double> rate(static_cast<std::size_t>(map.width) - 1);
  for (int y = 0; y < map.height; ++y)
    for (int x = 0; x + 1 < map.width; ++x)
      rate[static_cast<std::size_t>(x)] += map.row(y)[x] != map.row(y)[x + 1] ? 1.0 / map.height : 0.0;
  return rate;
}

TEST(Tiles, NoSeamShows) {
  const auto engine =
      std::make_shared<const Engine>(load_model("formula:tiny"), make_native_backend({.threads = 2}));
  const auto words = encode(*engine, "cat, sofa, sky, wall, tree, lamp, road, dog, cup, door");
  Session session(engine, 2);
  const Image image = blobs(256, 512);
  ViewOptions views{.short_side = 128, .max_side = 512};
  const auto labels = [&](int overlap) {
    views.tiles = {.side = 128, .overlap = overlap};
    SegmentationResult result;
    segment_tiles(session, image, words, views, {}, {}, result);
    return changes(result.labels);
  };
  // Columns where a tile begins or ends, beside the mean of all.
  const auto ratio = [](const std::vector<double>& rate, const std::vector<int>& columns) {
    double seams = 0, all = 0;
    for (const int x : columns)
      seams += rate[static_cast<std::size_t>(x)] / static_cast<double>(columns.size());
    for (const double r : rate) all += r / static_cast<double>(rate.size());
    return seams / all;
  };
  const TileGrid faded(256, 512, {.side = 128, .overlap = 32});
  std::vector<int> cuts{127, 255, 383}, edges;
  for (std::size_t i = 1; i < faded.xs.size(); ++i)
    edges.insert(edges.end(), {faded.xs[i] - 1, faded.xs[i - 1] + 127});
  const double touching = ratio(labels(0), cuts), blended = ratio(labels(32), edges);
  std::printf("label changes at seams, in terms of all columns': touching %.2f, blended %.2f\n", touching,
              blended);
  EXPECT_GT(touching, 10.0) << "or this picture has no seams that could be hidden";
  EXPECT_LT(blended, 2.0) << "a column where tiles begin is like the others";
}

}  // namespace
}  // namespace san
