#include "image/crop.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace san {
namespace {

Image numbered(int height, int width) {
  Image image(height, width);
  for (std::size_t i = 0; i < image.rgb.size(); ++i) image.rgb[i] = static_cast<std::uint8_t>(i);
  return image;
}

TEST(Crop, TakesTheRectangle) {
  const Image part = crop(numbered(3, 4), 1, 2, 2, 2);  // pixel (1, 2) begins at 18, (2, 2) at 30
  EXPECT_EQ(part.height, 2);
  EXPECT_EQ(part.rgb, (std::vector<std::uint8_t>{18, 19, 20, 21, 22, 23, 30, 31, 32, 33, 34, 35}));
}

TEST(Crop, RefusesWhatLeavesTheImage) {
  EXPECT_THROW(crop(numbered(3, 4), 1, 2, 2, 3), Error);
  EXPECT_THROW(crop(numbered(3, 4), -1, 0, 1, 1), Error);
  EXPECT_THROW(crop(numbered(3, 4), 0, 0, 0, 1), Error);
}

TEST(Crop, MirroringExchangesPixelsNotChannels) {
  const Image image = numbered(2, 3);
  EXPECT_EQ(mirrored(image).rgb,
            (std::vector<std::uint8_t>{6, 7, 8, 3, 4, 5, 0, 1, 2, 15, 16, 17, 12, 13, 14, 9, 10, 11}));
  EXPECT_EQ(mirrored(mirrored(image)), image);
}

}  // namespace
}  // namespace san
