// From C: what is shown of a result, and its regions as polygons and run lengths.
#include <cmath>
#include <limits>

#include "c_api_fixture.h"

namespace san::testing {
namespace {

using Polygons = Owner<san_polygons, san_polygons_free>;

Image image_of(const Picture& picture) {
  auto shown = sized<san_pixels>();
  EXPECT_EQ(san_image_pixels(picture.get(), &shown), SAN_OK) << san_last_error();
  Image image(shown.height, shown.width);
  std::memcpy(image.rgb.data(), shown.data, image.rgb.size());
  return image;
}

class CPictures : public CApi {
 protected:
  CPictures() {
    const Model model = Model::load("formula:tiny");
    expected_ = model.segmenter().segment(image_, model.vocabulary({"cat", "sofa|couch", "wall"}));
  }

  static constexpr std::uint8_t kColors[9] = {255, 0, 0, 0, 255, 0, 0, 0, 255};
  const std::vector<Rgb> colors_{{255, 0, 0}, {0, 255, 0}, {0, 0, 255}};
  Segmentation expected_;
};

TEST_F(CPictures, JsonTakesColours) {
  const Result r(segment());
  const Proposals proposals(san_result_proposals(r.get(), 0.1f, 0));
  auto options = sized<san_json_options>();
  options.image = "a.png", options.model = "m", options.proposals = proposals.get();
  options.colors = kColors, options.color_count = 3;
  const std::vector<MaskProposal> masks = expected_.proposals({.min_class_score = 0.1f});
  EXPECT_EQ(text_of(Buffer(san_result_json_with(r.get(), &options))),
            expected_.json({.image = "a.png", .model = "m", .colors = colors_, .proposals = masks}));
  EXPECT_EQ(text_of(Buffer(san_result_json_with(r.get(), nullptr))), expected_.json());
  EXPECT_EQ(text_of(Buffer(san_result_json(r.get(), "b", nullptr, nullptr))),
            expected_.json({.image = "b", .model = "", .colors = {}, .proposals = {}}));
  options.color_count = 2;
  expect_failed(san_result_json_with(r.get(), &options), "2 colours for 3 classes");
  expect_failed(san_result_json_with(nullptr, &options), "result is NULL");
}

TEST_F(CPictures, OverlaysArePaintedIntoAnImageThatIsUsedAgain) {
  const Result r(segment());
  const Picture frame(san_image_copy(&pixels_));
  ASSERT_EQ(image_of(frame), image_);
  auto options = sized<san_overlay_options>();
  options.opacity = 0.75f, options.no_names = 1, options.colors = kColors, options.color_count = 3;
  Image painted = image_;
  paint_overlay(painted, expected_, colors_, {.opacity = 0.75f, .contours = true, .names = false});
  auto before = sized<san_pixels>(), after = before;
  san_image_pixels(frame.get(), &before);
  for (int again = 0; again < 2; ++again) {
    ASSERT_EQ(san_image_set(frame.get(), &pixels_), SAN_OK) << san_last_error();
    ASSERT_EQ(san_result_paint_overlay(r.get(), frame.get(), &options), SAN_OK) << san_last_error();
    EXPECT_EQ(image_of(frame), painted);
  }
  san_image_pixels(frame.get(), &after);
  EXPECT_EQ(after.data, before.data) << "the same memory";
  expect_failed(san_result_paint_overlay(nullptr, frame.get(), nullptr), "result is NULL");
  expect_failed(san_result_paint_overlay(r.get(), nullptr, nullptr), "image is NULL");
  expect_failed(san_image_copy(nullptr), "pixels is NULL");
  expect_failed(san_image_set(nullptr, &pixels_), "image is NULL");
  expect_failed(san_image_set(frame.get(), nullptr), "pixels is NULL");
}

TEST_F(CPictures, SheetsAreThoseOfCpp) {
  const Result r(segment());
  const Picture cell(san_result_sheet_cell(r.get(), &pixels_, kColors, 3, 64)),
      usual(san_result_sheet_cell(r.get(), &pixels_, nullptr, 0, 0));
  const Image small = sheet_cell(image_, expected_, colors_, 64), plain = sheet_cell(image_, expected_);
  EXPECT_EQ(image_of(cell), small);
  EXPECT_EQ(image_of(usual), plain);
  const san_image* cells[] = {cell.get(), usual.get(), cell.get()};
  EXPECT_EQ(image_of(Picture(san_draw_sheet(cells, 3, 2))), draw_sheet(std::vector{small, plain, small}, 2));
  cells[1] = nullptr;
  expect_failed(san_draw_sheet(cells, 3, 2), "a cell is NULL");
  expect_failed(san_draw_sheet(nullptr, 3, 2), "cells is NULL");
  expect_failed(san_draw_sheet(cells, 1, 0), "0 columns");
  EXPECT_EQ(san_draw_sheet(nullptr, 0, 2), nullptr) << "there are none";
  expect_failed(san_result_sheet_cell(r.get(), &pixels_, nullptr, 0, -1), "-1 pixels");
}

TEST_F(CPictures, ExplainsAndSaysWhatTheSandboxIs) {
  auto names = sized<san_json_options>();
  names.image = "a <b>.png", names.colors = kColors, names.color_count = 3;
  const std::string json =
      text_of(Buffer(san_explain(segmenter_.get(), words_.get(), &pixels_, nullptr, &names)));
  EXPECT_THAT(json, ::testing::AllOf(HasSubstr("a <b>.png"), HasSubstr("\"sofa\"")));
  EXPECT_EQ(text_of(Buffer(san_explanation_page(json.c_str()))), explanation_page(json));
  EXPECT_NE(Buffer(san_explain(segmenter_.get(), words_.get(), &pixels_, nullptr, nullptr)), nullptr);
  auto options = sized<san_segment_options>();
  options.tile = 32;
  expect_failed(san_explain(segmenter_.get(), words_.get(), &pixels_, &options, nullptr), "tile");
  expect_failed(san_explain(nullptr, words_.get(), &pixels_, nullptr, nullptr), "segmenter is NULL");
  expect_failed(san_explain(segmenter_.get(), nullptr, &pixels_, nullptr, nullptr), "vocabulary is NULL");
  expect_failed(san_explain(segmenter_.get(), words_.get(), nullptr, nullptr, nullptr), "pixels is NULL");
  expect_failed(san_explanation_page(nullptr), "json is NULL");
  EXPECT_EQ(text_of(Buffer(san_sandbox_description())), sandbox_description());
}

TEST_F(CPictures, PolygonsAreThoseOfCppAndGiveTheMapBack) {
  const LabelMap& map = expected_.labels;
  for (const double tolerance : {0.0, 1.5}) {
    const std::vector<LabelPolygon> all = label_polygons(map, tolerance);
    const Polygons polygons(san_label_polygons32(map.labels.data(), 40, 56, tolerance));
    ASSERT_EQ(san_polygons_count(polygons.get()), all.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
      auto p = sized<san_polygon>();
      ASSERT_EQ(san_polygons_get(polygons.get(), i, &p), SAN_OK) << san_last_error();
      EXPECT_EQ(p.label, static_cast<std::int32_t>(all[i].label));
      EXPECT_EQ(p.area, all[i].area);
      ASSERT_EQ(p.ring_count, all[i].rings.size());
      const std::int32_t* at = p.corners;
      for (std::size_t r = 0; r < p.ring_count; ++r) {
        ASSERT_EQ(p.ring_sizes[r], all[i].rings[r].size());
        for (const Corner& corner : all[i].rings[r]) {
          EXPECT_EQ(corner, (Corner{at[0], at[1]}));
          at += 2;
        }
      }
    }
  }
  const Polygons exact(san_label_polygons32(map.labels.data(), 40, 56, 0));
  std::vector<san_polygon> outlines(san_polygons_count(exact.get()), sized<san_polygon>());
  std::vector<const san_polygon*> pointers;
  for (std::size_t i = 0; i < outlines.size(); ++i) {
    ASSERT_EQ(san_polygons_get(exact.get(), i, &outlines[i]), SAN_OK);
    outlines[i].ring_count = 1;
    pointers.push_back(&outlines[i]);
  }
  LabelMap painted(40, 56, 999);
  ASSERT_EQ(san_paint_polygons32(pointers.data(), pointers.size(), painted.labels.data(), 40, 56), SAN_OK);
  EXPECT_EQ(painted, map);
}

TEST_F(CPictures, PolygonsThatCannotBeAreErrors) {
  const LabelMap& map = expected_.labels;
  LabelMap painted(40, 56, 7);
  expect_failed(san_label_polygons(nullptr, 40, 56, 0), "labels is NULL");
  expect_failed(san_label_polygons32(map.labels.data(), 0, 56, 0), "positive");
  expect_failed(san_label_polygons32(map.labels.data(), 40, 56, std::nan("")), "nan");
  const Polygons polygons(san_label_polygons32(map.labels.data(), 40, 56, 0));
  auto p = sized<san_polygon>();
  expect_failed(san_polygons_get(polygons.get(), 1 << 20, &p), "polygon 1048576");
  expect_failed(san_polygons_get(nullptr, 0, &p), "polygons is NULL");
  expect_failed(san_polygons_get(polygons.get(), 0, nullptr), "san_polygon is NULL");
  EXPECT_EQ(san_polygons_count(nullptr), 0u);
  san_polygons_free(nullptr);

  const std::int32_t corners[] = {-5, -5, 200, -5, 200, std::numeric_limits<std::int32_t>::min()};
  const std::size_t ring = 3;
  p.corners = corners, p.ring_sizes = &ring, p.ring_count = 1, p.label = 3;
  const san_polygon* one[] = {&p};
  const auto paint = [&] { return san_paint_polygons32(one, 1, painted.labels.data(), 40, 56); };
  expect_failed(paint(), "within 2^30");
  p.label = -1;
  expect_failed(paint(), "label is -1");
  p.label = 3, p.corners = nullptr;
  expect_failed(paint(), "corners is NULL");
  p.size = 0;
  expect_failed(paint(), "san_polygon.size is 0");
  one[0] = nullptr;
  expect_failed(paint(), "a polygon is NULL");
  expect_failed(san_paint_polygons32(nullptr, 1, painted.labels.data(), 40, 56), "polygons is NULL");
  EXPECT_EQ(painted, LabelMap(40, 56, 7)) << "what failed painted nothing";
}

TEST_F(CPictures, MasksGoIntoRunLengthsAndBack) {
  std::vector<std::uint8_t> mask(40 * 56), again(40 * 56, 9);
  for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = expected_.labels.labels[i] == 1 ? 1 : 0;
  const std::string counts = text_of(Buffer(san_encode_rle(mask.data(), 40, 56)));
  EXPECT_EQ(counts, rle_counts_to_string(encode_rle(expected_.labels, 1).counts));
  ASSERT_EQ(san_decode_rle(counts.c_str(), 40, 56, again.data(), again.size()), SAN_OK) << san_last_error();
  EXPECT_EQ(again, mask);
  expect_failed(san_decode_rle(counts.c_str(), 40, 57, again.data(), 40 * 57), "40");
  expect_failed(san_decode_rle(counts.c_str(), 40, 56, again.data(), 4), "room for 4");
  expect_failed(san_decode_rle("\x01", 40, 56, again.data(), again.size()), "");
  expect_failed(san_decode_rle(nullptr, 40, 56, again.data(), again.size()), "counts is NULL");
  expect_failed(san_decode_rle(counts.c_str(), 40, 56, nullptr, 0), "mask is NULL");
  expect_failed(san_encode_rle(nullptr, 40, 56), "mask is NULL");
  expect_failed(san_encode_rle(mask.data(), -40, 56), "positive");
}

}  // namespace
}  // namespace san::testing
