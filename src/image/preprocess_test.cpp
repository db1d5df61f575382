#include "image/preprocess.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace san {
namespace {

TEST(Preprocess, NormalisesAndPads) {
  Image image(2, 33);
  image.rgb[0] = 255;
  image.rgb[4] = 128;
  const Preprocessed input = preprocess(image);
  EXPECT_EQ(input.height, 32);
  EXPECT_EQ(input.width, 64);
  EXPECT_EQ(input.content_height, 2);
  EXPECT_EQ(input.content_width, 33);
  ASSERT_EQ(input.values.size(), 32u * 64 * 3);
  // (value - 255·mean) / (255·deviation), by hand in double; float32 rounds at 1e-7 of values around 2.
  EXPECT_NEAR(input.values[0], (1.0 - 0.48145466) / 0.26862954, 3e-7);
  EXPECT_NEAR(input.values[4], (128 / 255.0 - 0.4578275) / 0.26130258, 3e-7);
  EXPECT_NEAR(input.values[5], -0.40821073 / 0.27577711, 3e-7);
  EXPECT_EQ(input.values[33 * 3], 0.0f);
  EXPECT_EQ(input.values[2 * 64 * 3], 0.0f);
}

TEST(Preprocess, ThreadsChangeNothing) {
  Image image(70, 31);
  for (std::size_t i = 0; i < image.rgb.size(); ++i) image.rgb[i] = static_cast<std::uint8_t>(7 * i);
  ThreadPool pool(3);
  EXPECT_EQ(preprocess(image).values, preprocess(image, 32, &pool).values);
}

TEST(Preprocess, RefusesEmptyImages) {
  EXPECT_THROW(preprocess(Image()), Error);
}

}  // namespace
}  // namespace san
