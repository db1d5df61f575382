#include "draw/contact_sheet.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <span>

#include "base/error.h"

namespace san {
namespace {

Image filled(int height, int width, std::uint8_t value) {
  Image image(height, width);
  std::ranges::fill(image.rgb, value);
  return image;
}

TEST(ContactSheet, PlacesEveryPictureInItsCell) {
  const std::vector<Image> pictures{filled(10, 20, 50), filled(10, 10, 100), filled(20, 20, 150)};
  const Image sheet = contact_sheet(pictures, {2, 10, 2});
  EXPECT_EQ(sheet.height, 2 * 12 + 2);
  EXPECT_EQ(sheet.width, 2 + 20 + 2 + 10 + 2);
  EXPECT_EQ(sheet.row(7)[3 * 5], 50);
  EXPECT_EQ(sheet.row(7)[3 * 28], 100);
  EXPECT_EQ(sheet.row(19)[3 * 6], 150);  // 20 × 20 scaled to 10 × 10
  EXPECT_EQ(sheet.row(19)[3 * 15], 24);
  EXPECT_THROW(contact_sheet({}, {}), Error);
}

TEST(Beside, NeedsOneHeight) {
  const Image both = beside(filled(4, 2, 1), filled(4, 3, 2));
  EXPECT_EQ(both.width, 5);
  EXPECT_EQ(both.row(3)[3], 1);
  EXPECT_EQ(both.row(3)[6], 2);
  EXPECT_THROW(beside(filled(4, 2, 1), filled(5, 2, 1)), Error);
}

TEST(Captioned, PutsALineBelow) {
  Image picture(20, 60);
  std::ranges::fill(picture.rgb, 9);
  const Image out = captioned(picture, "a cat on grass, and much more than there is room for");
  EXPECT_EQ(out.width, 60);
  ASSERT_GT(out.height, 30);
  EXPECT_TRUE(std::equal(picture.rgb.begin(), picture.rgb.end(), out.rgb.begin())) << "the picture stays";
  const auto below = std::span(out.rgb).subspan(picture.rgb.size());
  EXPECT_GT(*std::ranges::max_element(below), 150) << "something is written";
}

}  // namespace
}  // namespace san
