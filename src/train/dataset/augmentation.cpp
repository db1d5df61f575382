#include "train/dataset/augmentation.h"

#include <algorithm>
#include <array>
#include <opencv2/imgproc.hpp>

#include "base/error.h"

namespace san {
namespace {

constexpr std::uint8_t kPaddingValue = 128;
constexpr float kBrightness = 32;
constexpr float kLowest = 0.5f, kHighest = 1.5f;  // contrast and saturation
constexpr int kHue = 18;
constexpr int kHues = 180;

// value · factor + offset, clipped and truncated, as numpy's astype(uint8) of the clipped float.
void scale(std::uint8_t* values, std::size_t count, int stride, float factor, float offset) {
  std::array<std::uint8_t, 256> table;
  for (int v = 0; v < 256; ++v)
    table[static_cast<std::size_t>(v)] =
        static_cast<std::uint8_t>(std::clamp(static_cast<float>(v) * factor + offset, 0.0f, 255.0f));
  for (std::size_t i = 0; i < count; ++i)
    values[i * static_cast<std::size_t>(stride)] = table[values[i * static_cast<std::size_t>(stride)]];
}

template <class Change>
void in_hsv(Image& image, const Change& change) {
  cv::Mat rgb(image.height, image.width, CV_8UC3, image.rgb.data());
  cv::Mat hsv;
  cv::cvtColor(rgb, hsv, cv::COLOR_RGB2HSV);
  change(hsv.data, static_cast<std::size_t>(hsv.total()));
  cv::cvtColor(hsv, rgb, cv::COLOR_HSV2RGB);
}

}  // namespace

Augmentation draw_augmentation(const AugmentationOptions& o, Size image, Rng rng) {
  require(!o.min_size.empty() && o.crop > 0, "augmentation: no size to resize or crop to");
  Augmentation a;
  const int short_side = o.min_size[static_cast<std::size_t>(rng.below(static_cast<int>(o.min_size.size())))];
  a.resized = resize_shortest_edge(image, short_side, o.max_size);
  a.top = rng.below(std::max(0, a.resized.height - o.crop) + 1);
  a.left = rng.below(std::max(0, a.resized.width - o.crop) + 1);
  if (o.color_jitter) {
    if (rng.chance(0.5f)) a.brightness = rng.uniform(-kBrightness, kBrightness);
    a.contrast_first = rng.chance(0.5f);
    if (rng.chance(0.5f)) a.contrast = rng.uniform(kLowest, kHighest);
    if (rng.chance(0.5f)) a.saturation = rng.uniform(kLowest, kHighest);
    if (rng.chance(0.5f)) a.hue = rng.between(-kHue, kHue);
  }
  a.flip = o.flip && rng.chance(0.5f);
  return a;
}

void jitter_colors(const Augmentation& a, Image& image) {
  const auto contrast = [&] {
    if (a.contrast) scale(image.rgb.data(), image.rgb.size(), 1, *a.contrast, 0);
  };
  if (a.brightness) scale(image.rgb.data(), image.rgb.size(), 1, 1, *a.brightness);
  if (a.contrast_first) contrast();
  if (a.saturation)
    in_hsv(image, [&](std::uint8_t* hsv, std::size_t count) { scale(hsv + 1, count, 3, *a.saturation, 0); });
  if (a.hue)
    in_hsv(image, [&](std::uint8_t* hsv, std::size_t count) {
      for (std::size_t i = 0; i < count; ++i)
        hsv[3 * i] = static_cast<std::uint8_t>((hsv[3 * i] + *a.hue + kHues) % kHues);
    });
  if (!a.contrast_first) contrast();
}

void augment(const Augmentation& a, const Image& image, const LabelMap& labels, int crop, Label padding_label,
             std::uint8_t* rgb_out, Label* labels_out) {
  require(image.height == labels.height && image.width == labels.width,
          "the picture is {}×{}, its labels {}×{} (height × width)", image.height, image.width, labels.height,
          labels.width);
  const Image resized = resize(image, a.resized.height, a.resized.width, ResizeFilter::kBilinear);
  const LabelMap resized_labels = resize_nearest(labels, a.resized.height, a.resized.width);
  const int height = std::min(crop, a.resized.height), width = std::min(crop, a.resized.width);
  Image part(height, width);
  for (int y = 0; y < height; ++y)
    std::copy_n(resized.row(a.top + y) + 3 * a.left, part.row_bytes(), part.row(y));
  jitter_colors(a, part);

  const auto side = static_cast<std::size_t>(crop);
  std::fill_n(rgb_out, side * side * 3, kPaddingValue);
  std::fill_n(labels_out, side * side, padding_label);
  for (int y = 0; y < height; ++y) {
    std::uint8_t* pixels = rgb_out + static_cast<std::size_t>(y) * side * 3;
    Label* classes = labels_out + static_cast<std::size_t>(y) * side;
    const Label* source = resized_labels.row(a.top + y) + a.left;
    for (int x = 0; x < width; ++x) {
      const int from = a.flip ? width - 1 - x : x;
      std::copy_n(part.row(y) + 3 * from, 3, pixels + 3 * x);
      classes[x] = source[from];
    }
  }
}

}  // namespace san
