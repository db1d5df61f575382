#include "image/codec/encode.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>

#include "base/error.h"
#include "image/codec/decode.h"

namespace san {
namespace {

Image pattern(int height, int width) {
  Image image(height, width);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < 3; ++c)
        image.row(y)[3 * x + c] =
            static_cast<std::uint8_t>(127 + 100 * std::sin(0.05 * x + c) * std::cos(0.03 * y));
  return image;
}

LabelMap numbered(int height, int width, int step) {
  LabelMap map(height, width);
  for (std::size_t i = 0; i < map.labels.size(); ++i)
    map.labels[i] = static_cast<Label>(i * static_cast<std::size_t>(step));
  return map;
}

std::filesystem::path scratch(const std::string& name) {
  return std::filesystem::temp_directory_path() / ("san_encode_" + std::to_string(::getpid()) + "_" + name);
}

TEST(Encode, PngComesBackUnchanged) {
  const Image image = pattern(37, 51);
  EXPECT_EQ(decode_image(encode_png(image), "png"), image);
}

TEST(Encode, JpegComesBackSimilar) {
  const Image image = pattern(64, 80);
  const Image decoded = decode_image(encode_jpeg(image, 95), "jpg");
  ASSERT_EQ(decoded.rgb.size(), image.rgb.size());
  // A smooth picture at quality 95; colour subsampling leaves some levels.
  for (std::size_t i = 0; i < image.rgb.size(); ++i) ASSERT_NEAR(decoded.rgb[i], image.rgb[i], 12);
  EXPECT_GT(encode_jpeg(image, 95).size(), encode_jpeg(image, 30).size());
  EXPECT_THROW(encode_jpeg(image, 0), Error);
  EXPECT_THROW(encode_jpeg(Image(), 90), Error);
}

TEST(Encode, LabelsComeBackUnchanged) {
  for (const LabelMap& map : {numbered(12, 20, 1), numbered(12, 20, 250)}) {
    EXPECT_EQ(decode_labels(encode_label_png(map), "png"), map);
  }
}

TEST(Encode, LabelsAboveSixteenBitsGoIntoATiffAlone) {
  LabelMap map = numbered(2, 3, 1);
  map.labels[4] = 65'536;
  EXPECT_THROW(encode_label_png(map), Error);
  const auto path = scratch("wide.tif");
  write_labels(path, map);
  EXPECT_GT(std::filesystem::file_size(path), 0u);
  EXPECT_THROW(decode_labels(path), Error) << "nothing reads labels of more than 16 bits";
  std::filesystem::remove(path);
}

TEST(Encode, PalettePngShowsColoursAndKeepsIndices) {
  const LabelMap map = numbered(2, 3, 1);
  const std::vector<Rgb> palette{{9, 8, 7}, {0, 1, 2}, {255, 0, 9}, {3, 3, 3}, {4, 5, 4}, {200, 100, 50}};
  const auto bytes = encode_label_png(map, palette);
  EXPECT_EQ(decode_labels(bytes, "png"), map);
  const Image shown = decode_image(bytes, "png");
  for (std::size_t i = 0; i < 6; ++i)
    for (std::size_t c = 0; c < 3; ++c) EXPECT_EQ(shown.rgb[3 * i + c], palette[i][c]);
  EXPECT_THROW(encode_label_png(map, std::span(palette).first(5)), Error);
}

TEST(Encode, WritesByExtension) {
  const LabelMap map = numbered(4, 5, 3000);
  for (const char* extension : {".png", ".tif"}) {
    const auto path = scratch(std::string("labels") + extension);
    write_labels(path, map);
    EXPECT_EQ(decode_labels(path), map);
    std::filesystem::remove(path);
  }
  EXPECT_THROW(write_labels(scratch("labels.jpg"), map), Error);
  const Image image = pattern(4, 5);
  const auto path = scratch("image.png");
  write_png(path, image);
  EXPECT_EQ(decode_image(path), image);
  std::filesystem::remove(path);
  EXPECT_THROW(write_jpeg("/nonexistent/folder/a.jpg", image), Error);
}

}  // namespace
}  // namespace san
