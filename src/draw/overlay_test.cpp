#include "draw/overlay.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "draw/region_anchor.h"
#include "draw/text.h"
#include "san/colors.hpp"

namespace san {
namespace {

/// Label 0, with a box of label 1.
LabelMap box_map(int height, int width, int top, int left, int box_height, int box_width) {
  LabelMap map(height, width);
  for (int y = top; y < top + box_height; ++y) std::fill_n(map.row(y) + left, box_width, Label{1});
  return map;
}

bool contains(const Image& image, int from_x, const Rgb& color) {
  for (int y = 0; y < image.height; ++y)
    for (int x = from_x; x < image.width; ++x)
      if (std::equal(color.begin(), color.end(), image.row(y) + 3 * x)) return true;
  return false;
}

TEST(Overlay, KeepsThePictureLeftAndAddsALegendRight) {
  const std::vector<std::string> names{"meadow", "cow", "never seen"};
  const std::vector<Rgb> colors = distinct_colors(3);
  for (const int side : {320, 1000}) {
    const LabelMap map = box_map(side * 3 / 4, side, side / 4, side / 4, side / 3, side / 3);
    const Image picture(map.height, map.width);
    const Image drawn = draw_overlay(picture, map, names, colors);
    EXPECT_EQ(drawn.height, picture.height);
    EXPECT_GT(drawn.width, picture.width);
    EXPECT_LT(drawn.width, 2 * picture.width);
    EXPECT_TRUE(contains(drawn, picture.width, colors[0]));
    EXPECT_TRUE(contains(drawn, picture.width, colors[1]));
    EXPECT_FALSE(contains(drawn, picture.width, colors[2]));
    // Black under half of the class colour, away from contours and names.
    const std::uint8_t* corner = drawn.row(2) + 3 * 2;
    for (std::size_t c = 0; c < 3; ++c) EXPECT_NEAR(corner[c], colors[0][c] / 2.0, 1.0);
    OverlayOptions bare;
    bare.legend = false;
    Image painted_over = picture;
    const std::uint8_t* memory = painted_over.rgb.data();
    paint_overlay(painted_over, map, names, colors);
    EXPECT_EQ(draw_overlay(picture, map, names, colors, bare), painted_over);
    EXPECT_EQ(painted_over.rgb.data(), memory);
  }
}

TEST(Overlay, LabelsWithoutNameAreOther) {
  const LabelMap map = box_map(60, 80, 0, 0, 60, 40);
  const Image drawn = draw_overlay(Image(60, 80), map, std::vector<std::string>{"sky"}, distinct_colors(1));
  EXPECT_TRUE(contains(drawn, 80, kOtherColor));
}

TEST(Overlay, SurvivesTinyPicturesAndManyStrangeNames) {
  std::vector<std::string> names(40, std::string(300, 'w'));
  names[3] = "\xff\xfe broken \x01";
  names[4] = "";
  names[5] = "茶碗 чашка φλιτζάνι";
  LabelMap map(40, 1);
  for (int i = 0; i < 40; ++i) map.labels[static_cast<std::size_t>(i)] = static_cast<Label>(i);
  EXPECT_EQ(draw_overlay(Image(40, 1), map, names, distinct_colors(40)).height, 40);
  EXPECT_EQ(draw_overlay(Image(1, 1), LabelMap(1, 1, 5), names, distinct_colors(40)).height, 1);
}

TEST(Overlay, RefusesWhatDoesNotFit) {
  const std::vector<std::string> names{"a", "b"};
  EXPECT_THROW(draw_overlay(Image(4, 4), LabelMap(4, 5), names, distinct_colors(2)), Error);
  EXPECT_THROW(draw_overlay(Image(4, 4), LabelMap(4, 4), names, distinct_colors(1)), Error);
  EXPECT_THROW(draw_overlay(Image(), LabelMap(), names, distinct_colors(2)), Error);
}

TEST(RegionAnchor, IsTheMiddleOfTheRoom) {
  for (const int scale : {1, 10}) {
    const auto anchors =
        region_anchors(box_map(100 * scale, 120 * scale, 30 * scale, 20 * scale, 41 * scale, 41 * scale));
    const RegionAnchor& box = anchors.at(1);
    EXPECT_NEAR(box.x, 40 * scale, 2 * scale);
    EXPECT_NEAR(box.y, 50 * scale, 2 * scale);
    EXPECT_NEAR(box.radius, 20.5 * scale, 2 * scale);
    EXPECT_EQ(anchors.size(), 2u);
  }
}

TEST(Text, DecodesUtf8AndMarksWhatIsNot) {
  EXPECT_EQ(decode_utf8("aé茶😀"), U"aé茶😀");
  EXPECT_EQ(decode_utf8("\xc3"), U"\ufffd");
  EXPECT_EQ(decode_utf8("\xc0\xaf"), U"\ufffd\ufffd");            // overlong
  EXPECT_EQ(decode_utf8("\xed\xa0\x80"), U"\ufffd\ufffd\ufffd");  // a surrogate
  EXPECT_EQ(decode_utf8("\xf4\x90\x80\x80").front(), U'\ufffd');  // beyond Unicode
  EXPECT_EQ(decode_utf8("x\xe8\x8c"
                        "y"),
            U"x\ufffd\ufffdy");  // cut short
}

TEST(Text, FitsAndDraws) {
  const Font font(20);
  EXPECT_GT(font.width("saucer"), font.width("cup"));
  EXPECT_EQ(font.fitted("cup", 500), "cup");
  const std::string cut = font.fitted("ééééééééééééé", 60);
  EXPECT_LE(font.width(cut), 60);
  EXPECT_TRUE(cut.starts_with("é") && cut.ends_with("…"));
  EXPECT_EQ(font.fitted("wide", 0), "…");
  // A character the font lacks is drawn as its number.
  EXPECT_EQ(font.width("茶"), font.width("U+8336"));
  Image image(30, 60);
  font.draw(image, "Hg", 50, 25, {255, 200, 100});
  font.draw(image, "Hg", -5, 2, {255, 200, 100});
  EXPECT_TRUE(contains(image, 0, {255, 200, 100}));
}

TEST(Painted, ColoursKnownLabelsAndLeavesTheRestGrey) {
  Image image(1, 2);
  image.rgb = {200, 0, 0, 200, 0, 0};
  LabelMap labels(1, 2);
  labels.labels = {0, 65535};
  const std::vector<Rgb> colors{{0, 0, 255}};
  const Image out = painted(image, labels, colors, 1.0f);
  EXPECT_EQ(std::vector<int>(out.rgb.begin(), out.rgb.begin() + 3), (std::vector<int>{0, 0, 255}));
  EXPECT_LT(out.rgb[3], 100) << "most of the picture's own colour is gone";
  EXPECT_NEAR(out.rgb[4], out.rgb[5], 1) << "and no class's has come";
  EXPECT_THROW((void)painted(Image(2, 2), labels, colors), Error);
}

}  // namespace
}  // namespace san
