#include "train/dataset/augmentation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/error.h"

namespace san {
namespace {

Image pattern(int height, int width) {
  Image image(height, width);
  for (std::size_t i = 0; i < image.rgb.size(); ++i)
    image.rgb[i] = static_cast<std::uint8_t>((i * 37 + i / 7) & 255);
  return image;
}

LabelMap numbered(int height, int width) {
  LabelMap map(height, width);
  for (std::size_t i = 0; i < map.labels.size(); ++i) map.labels[i] = static_cast<Label>(i);
  return map;
}

TEST(Augmentation, DrawsWhatTheRecipeSays) {
  const AugmentationOptions options;
  std::map<int, int> sizes;
  int flips = 0, brightness = 0, hue_extremes = 0;
  constexpr int kDraws = 20000;
  for (int i = 0; i < kDraws; ++i) {
    const Augmentation a = draw_augmentation(options, {480, 640}, Rng(1, 2, static_cast<std::uint64_t>(i)));
    ++sizes[a.resized.height];
    EXPECT_LE(a.top, std::max(0, a.resized.height - 640));
    EXPECT_LE(a.left, std::max(0, a.resized.width - 640));
    flips += a.flip;
    brightness += a.brightness.has_value();
    EXPECT_LE(std::abs(a.brightness.value_or(0)), 32);
    EXPECT_GE(a.contrast.value_or(1), 0.5f);
    EXPECT_LE(a.contrast.value_or(1), 1.5f);
    if (a.hue) {
      EXPECT_LE(std::abs(*a.hue), 18);
      hue_extremes += std::abs(*a.hue) == 18;
    }
  }
  EXPECT_EQ(sizes.size(), 11u);
  for (const auto& [size, count] : sizes)
    EXPECT_NEAR(count, kDraws / 11.0, 200) << size;  // 5 standard deviations
  EXPECT_NEAR(flips, kDraws / 2.0, 360);
  EXPECT_NEAR(brightness, kDraws / 2.0, 360);
  EXPECT_NEAR(hue_extremes, kDraws * 0.5 * 2 / 37, 120);
}

TEST(Augmentation, TheLongSideIsBounded) {
  AugmentationOptions options;
  options.min_size = {960};
  const Augmentation a = draw_augmentation(options, {100, 1000}, Rng(1));
  EXPECT_EQ(a.resized.width, 2560);
  EXPECT_EQ(a.resized.height, 256);
}

TEST(Augmentation, CropsFlipsAndPadsPictureAndLabelsAlike) {
  const Image image = pattern(4, 6);
  const LabelMap labels = numbered(4, 6);
  Augmentation a;
  a.resized = {4, 6}, a.left = 1, a.flip = true;
  std::vector<std::uint8_t> rgb(5 * 5 * 3);
  std::vector<Label> out(5 * 5);
  augment(a, image, labels, 5, 999, rgb.data(), out.data());
  EXPECT_EQ(std::vector<Label>(out.begin(), out.begin() + 5), (std::vector<Label>{5, 4, 3, 2, 1}));
  EXPECT_EQ(out[20], 999) << "the fifth row is padding";
  EXPECT_EQ(rgb[60], 128);
  for (int channel = 0; channel < 3; ++channel)
    EXPECT_EQ(rgb[static_cast<std::size_t>(channel)], image.row(0)[15 + channel]);
}

TEST(Augmentation, LabelsResizeByTorchsNearestRule) {
  const Image image = pattern(3, 3);
  const LabelMap labels = numbered(3, 3);
  Augmentation a;
  a.resized = {5, 5};
  std::vector<std::uint8_t> rgb(5 * 5 * 3);
  std::vector<Label> out(5 * 5);
  augment(a, image, labels, 5, 999, rgb.data(), out.data());
  // floor(dst · 3 / 5) = 0 0 1 1 2
  EXPECT_EQ(std::vector<Label>(out.begin() + 5, out.begin() + 15),
            (std::vector<Label>{0, 0, 1, 1, 2, 3, 3, 4, 4, 5}));
}

TEST(Augmentation, ColourStepsClipAndTruncate) {
  Image image(1, 1);
  image.rgb = {250, 100, 3};
  Augmentation a;
  a.brightness = 10.6f, a.contrast = 0.5f, a.contrast_first = true;
  jitter_colors(a, image);
  EXPECT_EQ(image.rgb, (std::vector<std::uint8_t>{127, 55, 6}));  // 255, 110, 13 → halves
}

TEST(Augmentation, HueTurnsPureColours) {
  Image image(1, 2);
  image.rgb = {255, 0, 0, 0, 0, 255};
  Augmentation a;
  a.hue = -18;  // 36 degrees back: red towards magenta, blue towards cyan
  jitter_colors(a, image);
  EXPECT_EQ(image.rgb[0], 255);
  EXPECT_EQ(image.rgb[1], 0);
  EXPECT_NEAR(image.rgb[2], 153, 1);
  EXPECT_NEAR(image.rgb[4], 153, 1);
  EXPECT_EQ(image.rgb[5], 255);
}

TEST(Augmentation, GreyHasNoSaturationToChange) {
  Image image(2, 2);
  std::ranges::fill(image.rgb, std::uint8_t{90});
  const Image before = image;
  Augmentation a;
  a.saturation = 1.4f, a.hue = 7;
  jitter_colors(a, image);
  EXPECT_EQ(image, before);
}

TEST(Augmentation, RefusesLabelsOfAnotherSize) {
  std::vector<std::uint8_t> rgb(12);
  std::vector<Label> out(4);
  Augmentation a;
  a.resized = {4, 4};
  EXPECT_THROW(augment(a, pattern(4, 4), numbered(4, 5), 2, 9, rgb.data(), out.data()), Error);
}

}  // namespace
}  // namespace san
