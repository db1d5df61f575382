#include "eval/example_pictures.h"

#include <algorithm>
#include <cmath>

#include "draw/overlay.h"
#include "image/codec/encode.h"
#include "image/resize.h"

namespace san {
namespace {

constexpr int kLongSide = 360;
constexpr int kJpegQuality = 78;
constexpr float kOpacity = 0.6f;

std::string jpeg(const Image& image) {
  const auto bytes = encode_jpeg(image, kJpegQuality);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string overlay(const Image& image, const LabelMap& labels, std::span<const Rgb> palette) {
  return jpeg(painted(image, resize_nearest(labels, image.height, image.width), palette, kOpacity));
}

}  // namespace

Example make_example(const ImageScore& score, const Image& picture, const LabelMap& truth,
                     const LabelMap& prediction, std::span<const Rgb> palette) {
  const double scale =
      std::min(1.0, static_cast<double>(kLongSide) / std::max(picture.height, picture.width));
  const auto scaled = [&](int length) { return std::max(1, static_cast<int>(std::lround(length * scale))); };
  const Image small = resize(picture, scaled(picture.height), scaled(picture.width), ResizeFilter::kBilinear);
  return {score, jpeg(small), overlay(small, truth, palette), overlay(small, prediction, palette)};
}

}  // namespace san
