#include "image/resize.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <opencv2/imgproc.hpp>
#include <sstream>

#include "base/error.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/test_files.h"
#include "image/opencv_resize.h"

namespace san {
namespace {

Image image_of(const SafetensorsFile& file, const std::string& name) {
  const Shape shape = file.shape(name);
  Image image(static_cast<int>(shape[0]), static_cast<int>(shape[1]));
  const std::vector<std::int64_t> values = file.load(name).to_i64();
  std::copy(values.begin(), values.end(), image.rgb.begin());
  return image;
}

/// Names are <source>_<filter>_<width>x<height>.
void expect_all_equal(const std::filesystem::path& path) {
  const auto file = SafetensorsFile::open(path);
  ThreadPool pool(2);
  int compared = 0;
  for (const std::string& name : file->names()) {
    std::istringstream parts(name);
    std::string source, filter, size;
    std::getline(parts, source, '_');
    std::getline(parts, filter, '_');
    std::getline(parts, size, '_');
    if (source == "src") continue;
    const Image expected = image_of(*file, name);
    const ResizeFilter kind = filter == "bilinear" ? ResizeFilter::kBilinear : ResizeFilter::kBicubic;
    EXPECT_EQ(resize(image_of(*file, "src_" + source), expected.height, expected.width, kind, &pool),
              expected)
        << name;
    ++compared;
  }
  EXPECT_GE(compared, 10);
}

TEST(Resize, EqualsPillow) {
  expect_all_equal(SAN_SOURCE_DIR "/tests/data/image/pillow_resize.safetensors");
}

TEST(Resize, EqualsAllOfPillowGolden) {
  const auto path = test::golden("resize.safetensors");
  SAN_REQUIRE_GOLDEN(path);
  expect_all_equal(path);
}

TEST(Resize, EqualsTheOfficialInput) {
  for (const std::string name : {"tiny", "vitb16", "vitl14_336"}) {
    const auto path = test::golden(name + ".safetensors");
    SAN_REQUIRE_GOLDEN(path);
    const auto file = SafetensorsFile::open(path);
    const Image raw = image_of(*file, "image_raw");
    const int short_side = std::stoi(file->metadata("min_size_test"));
    const int long_limit = std::stoi(file->metadata("max_size_test"));
    const auto [height, width] = resize_shortest_edge({raw.height, raw.width}, short_side, long_limit);
    EXPECT_EQ(resize(raw, height, width, ResizeFilter::kBilinear), image_of(*file, "image_resized")) << name;
    if (!file->contains("image_resized_predict")) continue;
    const auto demo = resize_shortest_edge({raw.height, raw.width}, short_side, long_limit, SizeRule::kDemo);
    EXPECT_EQ(resize(raw, demo.height, demo.width, ResizeFilter::kBicubic),
              image_of(*file, "image_resized_predict"))
        << name;
  }
}

TEST(Resize, SameSizeIsACopy) {
  Image image(3, 2);
  for (std::size_t i = 0; i < image.rgb.size(); ++i) image.rgb[i] = static_cast<std::uint8_t>(13 * i);
  EXPECT_EQ(resize(image, 3, 2, ResizeFilter::kBicubic), image);
}

TEST(Resize, RefusesEmptySizes) {
  EXPECT_THROW(resize(Image(), 2, 2, ResizeFilter::kBilinear), Error);
  EXPECT_THROW(resize(Image(2, 2), 0, 2, ResizeFilter::kBilinear), Error);
  EXPECT_THROW(resize_shortest_edge({0, 5}, 640, 2560), Error);
  EXPECT_THROW(resize_nearest(LabelMap(2, 2), 2, -1), Error);
}

TEST(ResizeShortestEdge, OfficialEvaluationRounds) {
  EXPECT_EQ(resize_shortest_edge({480, 640}, 640, 2560), (Size{640, 853}));   // 853.33
  EXPECT_EQ(resize_shortest_edge({427, 640}, 640, 2560), (Size{640, 959}));   // 959.25
  EXPECT_EQ(resize_shortest_edge({640, 426}, 640, 2560), (Size{962, 640}));   // 961.50
  EXPECT_EQ(resize_shortest_edge({100, 500}, 640, 2560), (Size{512, 2560}));  // 3200 wide, cut
  EXPECT_EQ(resize_shortest_edge({1, 9000}, 640, 2560), (Size{1, 2560}));
}

TEST(ResizeShortestEdge, DemoTruncates) {
  EXPECT_EQ(resize_shortest_edge({640, 426}, 640, 2560, SizeRule::kDemo), (Size{961, 640}));
  EXPECT_EQ(resize_shortest_edge({427, 640}, 640, 2560, SizeRule::kDemo), (Size{640, 959}));
}

// Recorded from the authors' demo, which has no limit on the long side, and from their evaluation.
TEST(ResizeShortestEdge, DemoDoesNotLimitTheLongSide) {
  EXPECT_EQ(resize_shortest_edge({61, 300}, 96, 384, SizeRule::kDemo), (Size{96, 472}));
  EXPECT_EQ(resize_shortest_edge({300, 61}, 96, 384, SizeRule::kDemo), (Size{472, 96}));
  EXPECT_EQ(resize_shortest_edge({61, 300}, 96, 384), (Size{78, 384}));
}

TEST(ResizeShortestEdge, RefusesSizesThatNoNetworkCouldTake) {
  EXPECT_EQ(resize_shortest_edge({10, 320}, 256, 384, SizeRule::kDemo), (Size{256, 8192}));
  EXPECT_THROW(resize_shortest_edge({10, 321}, 256, 384, SizeRule::kDemo), Error);
  EXPECT_THROW(resize_shortest_edge({1000, 1}, 256, 384, SizeRule::kDemo), Error);
  EXPECT_THROW(resize_shortest_edge({1, 65535}, 65536, 384, SizeRule::kDemo), Error);
  EXPECT_THROW(resize_shortest_edge({100, 100}, 65536, 65536), Error);
}

LabelMap numbered(int height, int width) {
  LabelMap map(height, width);
  for (std::size_t i = 0; i < map.labels.size(); ++i) map.labels[i] = static_cast<Label>(i);
  return map;
}

TEST(ResizeNearest, TorchRuleIsTheExactQuotient) {
  const LabelMap wide = resize_nearest(numbered(1, 3), 1, 7);  // floor(i·3/7)
  EXPECT_EQ(wide.labels, (std::vector<Label>{0, 0, 0, 1, 1, 2, 2}));
  const LabelMap small = resize_nearest(numbered(4, 4), 2, 3);
  EXPECT_EQ(small.labels, (std::vector<Label>{0, 1, 2, 8, 9, 10}));
}

TEST(ResizeNearest, OpenCvRuleEqualsOpenCv) {
  for (const auto& [in, out] :
       {std::pair{7, 49}, {49, 7}, {10, 3}, {375, 512}, {683, 512}, {1, 9}, {93, 93}}) {
    const LabelMap map = numbered(in, 5);
    cv::Mat expected;
    cv::resize(cv::Mat(in, 5, CV_32S, const_cast<Label*>(map.labels.data())), expected, cv::Size(11, out), 0,
               0, cv::INTER_NEAREST);
    const LabelMap resized = resize_nearest(map, out, 11, NearestRule::kOpenCv);
    EXPECT_TRUE(std::equal(resized.labels.begin(), resized.labels.end(), expected.begin<std::int32_t>()))
        << in << out;
  }
}

TEST(ResizeAsOpenCv, EqualsOpenCv) {
  struct Sizes {
    int height, width, to_height, to_width;
  };
  for (const auto& [h, w, to_h, to_w] : std::vector<Sizes>{{7, 9, 7, 9},
                                                           {64, 96, 32, 48},  // means of four
                                                           {65, 96, 32, 48},  // half of one side alone
                                                           {683, 1024, 512, 768},
                                                           {600, 801, 512, 684},
                                                           {1, 1, 3, 5},
                                                           {5, 1, 2, 1},
                                                           {1, 40, 1, 13},
                                                           {33, 21, 100, 64},
                                                           {300, 200, 11, 7}}) {
    Image image(h, w);
    std::uint32_t state = 1;
    for (std::uint8_t& v : image.rgb)
      v = static_cast<std::uint8_t>((state = state * 1664525 + 1013904223) >> 24);
    cv::Mat expected;
    cv::resize(cv::Mat(h, w, CV_8UC3, image.rgb.data()), expected, cv::Size(to_w, to_h), 0, 0,
               cv::INTER_LINEAR);
    const Image resized = resize_as_opencv(image, to_h, to_w);
    ASSERT_EQ(resized.rgb.size(), expected.total() * 3);
    EXPECT_TRUE(std::equal(resized.rgb.begin(), resized.rgb.end(), expected.data))
        << h << "x" << w << " to " << to_h << "x" << to_w;
  }
  EXPECT_THROW(resize_as_opencv(Image(), 3, 3), Error);
  EXPECT_THROW(resize_as_opencv(Image(2, 2), 0, 3), Error);
}

}  // namespace
}  // namespace san
