#include "image/opencv/opencv_codecs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <random>

#include "base/atomic_file.h"
#include "base/error.h"
#include "image/codec/decode.h"
#include "image/codec/encode.h"
#include "image/codec/jpeg.h"

namespace san {
namespace {

/// Smooth colours with noise: every code path of a JPEG decoder has something to do.
cv::Mat drawing(int height, int width, int type, unsigned seed) {
  cv::Mat picture(height, width, type);
  std::mt19937 random(seed);
  const int channels = picture.channels();
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < channels; ++c)
        picture.ptr<std::uint8_t>(y)[x * channels + c] =
            static_cast<std::uint8_t>((3 * x + 5 * y * (c + 1) + static_cast<int>(random() % 32)) % 256);
  return picture;
}

Image rgb_of(const cv::Mat& bgr) {
  Image image(bgr.rows, bgr.cols);
  cv::cvtColor(bgr, cv::Mat(bgr.rows, bgr.cols, CV_8UC3, image.rgb.data()), cv::COLOR_BGR2RGB);
  return image;
}

Image opencv_reads(std::span<const std::uint8_t> file) {
  const cv::Mat bytes(1, static_cast<int>(file.size()), CV_8U, const_cast<std::uint8_t*>(file.data()));
  return rgb_of(cv::imdecode(bytes, cv::IMREAD_COLOR));
}

TEST(OpenCvCodecs, JpegPixelsAreTheSame) {
  int seed = 0;
  for (const auto& [height, width] : std::vector<std::pair<int, int>>{{1, 1}, {17, 33}, {64, 64}, {201, 333}})
    for (const int type : {CV_8UC1, CV_8UC3})
      for (const int progressive : {0, 1})
        for (const int restart : {0, 3})
          for (const int quality : {1, 60, 95, 100}) {
            std::vector<std::uint8_t> file;
            cv::imencode(".jpg", drawing(height, width, type, static_cast<unsigned>(++seed)), file,
                         {cv::IMWRITE_JPEG_QUALITY, quality, cv::IMWRITE_JPEG_PROGRESSIVE, progressive,
                          cv::IMWRITE_JPEG_RST_INTERVAL, restart});
            EXPECT_EQ(decode_image(std::as_bytes(std::span(file)), "drawing.jpg"), opencv_reads(file))
                << width << "x" << height << " quality " << quality << " progressive " << progressive;
          }
}

TEST(OpenCvCodecs, JpegFilesOfOtherProgramsGiveTheSamePixels) {
  for (const char* name :
       {"cmyk.jpg", "grey.jpg", "orientation1.jpg", "orientation6.jpg", "orientation7.jpg"}) {
    const std::string file = read_text_file(std::string(SAN_SOURCE_DIR "/tests/data/image/") + name);
    const std::vector<std::uint8_t> bytes(file.begin(), file.end());
    EXPECT_EQ(decode_image(std::as_bytes(std::span(bytes)), name), opencv_reads(bytes)) << name;
  }
}

TEST(OpenCvCodecs, JpegLabelsAreTheSame) {
  std::vector<std::uint8_t> file;
  cv::imencode(".jpg", drawing(31, 47, CV_8UC1, 7), file);
  const cv::Mat expected = cv::imdecode(file, cv::IMREAD_UNCHANGED);
  const LabelMap labels = decode_labels(std::as_bytes(std::span(file)), "labels.jpg");
  ASSERT_EQ(labels.height, expected.rows);
  ASSERT_EQ(labels.width, expected.cols);
  EXPECT_TRUE(std::equal(labels.labels.begin(), labels.labels.end(), expected.begin<std::uint8_t>()));
}

TEST(OpenCvCodecs, EncodedJpegIsTheSameByteForByte) {
  for (const int quality : {1, 50, 92, 100}) {
    const cv::Mat bgr = drawing(45, 77, CV_8UC3, static_cast<unsigned>(quality));
    std::vector<std::uint8_t> expected;
    cv::imencode(".jpg", bgr, expected, {cv::IMWRITE_JPEG_QUALITY, quality});
    const std::vector<std::byte> got = jpeg::write(rgb_of(bgr), quality);
    ASSERT_EQ(got.size(), expected.size()) << quality;
    EXPECT_EQ(std::memcmp(got.data(), expected.data(), got.size()), 0) << quality;
  }
}

}  // namespace
}  // namespace san
