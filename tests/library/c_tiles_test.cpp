// From C: pictures in parts, TIFFs by rows.
#include <algorithm>
#include <limits>

#include "c_api_fixture.h"

namespace san::testing {
namespace {

using Tiff = Owner<san_tiff, san_tiff_free>;
using LabelFile = Owner<san_label_tiff, san_label_tiff_free>;

/// A picture in memory as parts, and what is done with its rows.
struct Job {
  const Image* image = nullptr;
  LabelMap labels;
  std::vector<float> scores;
  std::vector<std::int64_t> areas;
  int read_code = SAN_OK, take_code = SAN_OK;
  const char* failing_path = nullptr;  ///< of a call of the library's that fails first
};

int read_job(std::int32_t y, std::int32_t x, std::int32_t height, std::int32_t width, std::uint8_t* rgb,
             void* user) {
  const Job& job = *static_cast<Job*>(user);
  for (int row = 0; row < height; ++row)
    std::copy_n(job.image->row(y + row) + 3 * x, 3 * width, rgb + 3 * row * width);
  if (job.failing_path != nullptr) {
    EXPECT_EQ(san_image_load(job.failing_path, nullptr), nullptr);
  }
  return job.read_code;
}
int take_job(const san_label_rows* rows, void* user) {
  Job& job = *static_cast<Job*>(user);
  std::copy_n(rows->labels, rows->height * rows->width, job.labels.row(rows->y));
  EXPECT_TRUE(std::equal(rows->labels, rows->labels + rows->height * rows->width, rows->labels32));
  if (rows->label_scores != nullptr)
    job.scores.insert(job.scores.end(), rows->label_scores, rows->label_scores + rows->height * rows->width);
  job.areas.resize(static_cast<std::size_t>(rows->classes) + 1);
  for (std::size_t k = 0; k < job.areas.size(); ++k) job.areas[k] += rows->areas[k];
  return job.take_code;
}

class CTiles : public CApi {
 protected:
  CTiles() {
    job_.image = &wide_;
    job_.labels = LabelMap(70, 200);
    parts_ = sized<san_picture_parts>();
    parts_.height = 70, parts_.width = 200, parts_.read = read_job, parts_.user = &job_;
    options_ = sized<san_segment_options>();
    options_.tile = 64, options_.label_scores = 1;
  }

  int tiles() {
    return san_segment_tiles(segmenter_.get(), words_.get(), &parts_, &options_, take_job, &job_);
  }
  Result whole() {
    const san_pixels pixels{sizeof pixels, wide_.rgb.data(), 70, 200, SAN_RGB, 0};
    return Result(san_segment(segmenter_.get(), words_.get(), &pixels, &options_));
  }

  const Image wide_ = picture(70, 200);
  Job job_;
  san_picture_parts parts_{};
  san_segment_options options_{};
};

TEST_F(CTiles, PartsGiveTheLabelsOfTheWhole) {
  const Result expected = whole();
  ASSERT_EQ(tiles(), SAN_OK) << san_last_error();
  EXPECT_TRUE(
      std::equal(job_.labels.labels.begin(), job_.labels.labels.end(), san_result_labels(expected.get())));
  ASSERT_EQ(job_.scores.size(), 70u * 200);
  EXPECT_TRUE(std::equal(job_.scores.begin(), job_.scores.end(), san_result_label_scores(expected.get())));
  for (std::size_t k = 0; k <= 3; ++k) EXPECT_EQ(job_.areas[k], san_result_area(expected.get(), k));
  job_.scores.clear();
  options_.label_scores = 0;
  ASSERT_EQ(tiles(), SAN_OK) << san_last_error();
  EXPECT_TRUE(job_.scores.empty());
}

TEST_F(CTiles, WhatTheCallersFunctionsReturnEndsTheWork) {
  job_.read_code = 7;
  expect_failed(tiles(), "san_picture_parts.read returned 7");
  const std::string missing = folder_ / "gone.png";
  job_.failing_path = missing.c_str();
  expect_failed(tiles(), "gone.png");
  job_.read_code = SAN_OK;
  EXPECT_EQ(tiles(), SAN_OK);
  EXPECT_STREQ(san_last_error(), "") << "the call itself did not fail";
  job_.take_code = SAN_CANCELLED;
  EXPECT_EQ(tiles(), SAN_CANCELLED);
  job_.take_code = 3;
  expect_failed(tiles(), "take returned 3");
}

TEST_F(CTiles, NullAndNumbersOutsideTheirRangeAreErrors) {
  const auto call = [&](const san_picture_parts* parts, san_take_rows take) {
    return san_segment_tiles(segmenter_.get(), words_.get(), parts, &options_, take, &job_);
  };
  expect_failed(san_segment_tiles(nullptr, words_.get(), &parts_, &options_, take_job, &job_),
                "segmenter is NULL");
  expect_failed(san_segment_tiles(segmenter_.get(), nullptr, &parts_, &options_, take_job, &job_),
                "vocabulary is NULL");
  expect_failed(call(nullptr, take_job), "picture is NULL");
  expect_failed(call(&parts_, nullptr), "take is NULL");
  options_.tile = 0;
  expect_failed(tiles(), "side");
  options_.tile = 64, parts_.read = nullptr;
  expect_failed(tiles(), "read is NULL");
  parts_.read = read_job, parts_.height = 0;
  expect_failed(tiles(), "200 × 0");
  parts_.height = std::numeric_limits<std::int32_t>::max();
  expect_failed(tiles(), "2^30");
  parts_.size = 3;
  expect_failed(tiles(), "san_picture_parts.size is 3");
}

TEST_F(CTiles, TiffsAreReadByRowsAndLabelsWrittenWithTheirPlaceOnEarth) {
  const double scale[3] = {2, 2, 0}, tie[6] = {0, 0, 0, 1000, 5000, 0};
  const std::uint16_t keys[12] = {1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 32633};
  const san_tiff_tag tags[] = {{33550, 12, 3, scale, sizeof scale},
                               {33922, 12, 6, tie, sizeof tie},
                               {34735, 3, 12, keys, sizeof keys}};
  auto place = sized<san_georeference>();
  place.tags = tags, place.tag_count = 3;
  auto options = sized<san_label_tiff_options>();
  const std::uint8_t palette[9] = {250, 0, 0, 0, 250, 0, 0, 0, 250};
  options.height = 70, options.width = 200, options.classes = 3, options.georeference = &place;
  options.palette = palette, options.color_count = 3;

  // A label map is a TIFF too: its colours are the picture.
  const std::string path = folder_ / "scene.tif";
  LabelMap drawn(70, 200);
  for (int y = 0; y < 70; ++y)
    for (int x = 0; x < 200; ++x) drawn.row(y)[x] = static_cast<Label>((x / 20 + y / 30) % 3);
  const LabelFile file(san_label_tiff_create(path.c_str(), &options));
  ASSERT_NE(file, nullptr) << san_last_error();
  ASSERT_EQ(san_label_tiff_add32(file.get(), drawn.row(0), 40, 200), SAN_OK) << san_last_error();
  expect_failed(san_label_tiff_finish(file.get()), "40 of 70");
  expect_failed(san_label_tiff_add32(file.get(), drawn.row(40), 30, 199), "199x30");
  EXPECT_EQ(san_is_tiff(path.c_str()), 0) << "it appears when it is whole";
  ASSERT_EQ(san_label_tiff_add32(file.get(), drawn.row(40), 30, 200), SAN_OK) << san_last_error();
  ASSERT_EQ(san_label_tiff_finish(file.get()), SAN_OK) << san_last_error();
  EXPECT_EQ(san_is_tiff(path.c_str()), 1);
  EXPECT_EQ(san_is_tiff(nullptr), -1);

  const Tiff tiff(san_tiff_open(path.c_str()));
  ASSERT_NE(tiff, nullptr) << san_last_error();
  EXPECT_EQ(san_tiff_height(tiff.get()), 70);
  EXPECT_EQ(san_tiff_width(tiff.get()), 200);
  auto found = sized<san_georeference>();
  ASSERT_EQ(san_tiff_get_georeference(tiff.get(), &found), SAN_OK) << san_last_error();
  EXPECT_STREQ(found.crs, "urn:ogc:def:crs:EPSG::32633");
  ASSERT_NE(found.transform, nullptr);
  EXPECT_EQ(found.transform[0], 2);
  EXPECT_EQ(found.transform[5], 5000);
  ASSERT_EQ(found.tag_count, 3u);
  EXPECT_EQ(std::memcmp(found.tags[1].values, tie, sizeof tie), 0);

  Image scene(70, 200);
  ASSERT_EQ(san_tiff_read(tiff.get(), 0, 70, scene.rgb.data(), scene.rgb.size()), SAN_OK) << san_last_error();
  for (int x = 0; x < 200; ++x)
    for (int c = 0; c < 3; ++c) ASSERT_EQ(scene.row(69)[3 * x + c], palette[3 * drawn.row(69)[x] + c]) << x;
  std::uint8_t little[6] = {};
  expect_failed(san_tiff_read(tiff.get(), 0, 1, little, 6), "room for 6");
  expect_failed(san_tiff_read(tiff.get(), 70, 1, scene.rgb.data(), scene.rgb.size()), "rows 70 to 71");
  expect_failed(san_tiff_read(tiff.get(), 0, -1, scene.rgb.data(), scene.rgb.size()), "positive");

  job_.image = &scene;
  ASSERT_EQ(tiles(), SAN_OK) << san_last_error();
  const LabelMap expected = job_.labels;
  auto parts = sized<san_picture_parts>();
  ASSERT_EQ(san_tiff_parts(tiff.get(), &parts), SAN_OK) << san_last_error();
  job_.labels = LabelMap(70, 200, 99);
  ASSERT_EQ(san_segment_tiles(segmenter_.get(), words_.get(), &parts, &options_, take_job, &job_), SAN_OK)
      << san_last_error();
  EXPECT_EQ(job_.labels, expected);

  const std::string copy = folder_ / "labels.tif";
  options.georeference = &found;
  const LabelFile again(san_label_tiff_create(copy.c_str(), &options));
  ASSERT_EQ(san_label_tiff_add32(again.get(), expected.row(0), 70, 200), SAN_OK) << san_last_error();
  ASSERT_EQ(san_label_tiff_finish(again.get()), SAN_OK) << san_last_error();
  EXPECT_EQ(TiffPicture(copy).georeference().crs, "urn:ogc:def:crs:EPSG::32633");
}

TEST_F(CTiles, TiffsThatCannotBeAreErrors) {
  write_file(folder_ / "cut.tif", std::string_view("II*\0\x08\0\0\0", 8));
  expect_failed(san_tiff_open((folder_ / "cut.tif").c_str()), "cut.tif");
  expect_failed(san_tiff_open((folder_ / "none.tif").c_str()), "none.tif");
  expect_failed(san_tiff_open(nullptr), "path is NULL");
  expect_failed(san_tiff_get_georeference(nullptr, nullptr), "tiff is NULL");
  expect_failed(san_tiff_read(nullptr, 0, 1, nullptr, 0), "tiff is NULL");
  expect_failed(san_tiff_parts(nullptr, &parts_), "tiff is NULL");
  EXPECT_EQ(san_tiff_height(nullptr), 0);
  EXPECT_EQ(san_tiff_width(nullptr), 0);
  san_tiff_free(nullptr), san_label_tiff_free(nullptr);

  const std::string path = folder_ / "a.tif";
  auto options = sized<san_label_tiff_options>();
  options.height = 2, options.width = 3, options.classes = 2;
  expect_failed(san_label_tiff_create(nullptr, &options), "path is NULL");
  expect_failed(san_label_tiff_create(path.c_str(), nullptr), "0x0");
  expect_failed(san_label_tiff_create((folder_ / "no/a.tif").c_str(), &options), "no/a.tif");
  auto place = sized<san_georeference>();
  place.tag_count = 1, options.georeference = &place;
  const auto refused = [&](const char* words) {
    expect_failed(san_label_tiff_create(path.c_str(), &options), words);
  };
  refused("tags is NULL");
  san_tiff_tag tag{33550, 12, 3, "", 23};
  place.tags = &tag;
  refused("23 bytes for 3 values of type 12; expected 8 each");
  tag.type = 14;
  refused("type is 14");
  tag.type = 2, tag.bytes = 3, tag.values = nullptr;
  refused("values is NULL");
  options.georeference = nullptr;
  const LabelFile file(san_label_tiff_create(path.c_str(), &options));
  const std::uint16_t labels[6] = {0, 1, 2, 0, 0, 0};
  expect_failed(san_label_tiff_add(file.get(), labels, 2, 3), "label 2 of 2");
  expect_failed(san_label_tiff_add(file.get(), nullptr, 2, 3), "labels is NULL");
  expect_failed(san_label_tiff_add(nullptr, labels, 2, 3), "tiff is NULL");
  expect_failed(san_label_tiff_finish(nullptr), "tiff is NULL");
}

}  // namespace
}  // namespace san::testing
