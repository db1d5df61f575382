// What the node fills into messages, in structures that are made of the recorded definitions.
#include "messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ros2_structs.h"

namespace san::ros {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

TEST(Messages, AnImageIsSeenWithoutACopy) {
  recorded::Image message;
  message.height = 2, message.width = 3, message.step = 12, message.encoding = "bgr8";
  message.data.resize(24);
  const ImageView view = view_of(message);
  EXPECT_EQ(view.data, message.data.data());
  EXPECT_EQ(view.height, 2);
  EXPECT_EQ(view.width, 3);
  EXPECT_EQ(view.stride, 12u);
  EXPECT_EQ(view.format, PixelFormat::kBgr);
  message.data.resize(21);
  EXPECT_NO_THROW(view_of(message)) << "the last row needs no gap behind it";
  message.data.resize(20);
  EXPECT_THROW(view_of(message), std::invalid_argument);
  message.data.resize(24);
  message.step = 8;
  EXPECT_THROW(view_of(message), std::invalid_argument);
  message.step = 12, message.encoding = "bayer_rggb8";
  EXPECT_THROW(view_of(message), std::invalid_argument);
  message.encoding = "bgr8", message.height = 0;
  EXPECT_THROW(view_of(message), std::invalid_argument);
}

TEST(Messages, LabelsTakeAByteWhileTheyFit) {
  LabelMap labels(2, 3);
  labels.labels = {0, 1, 2, 3, 4, 255};
  recorded::Image message;
  fill_labels(message, labels, 256);
  EXPECT_EQ(message.encoding, "mono8");
  EXPECT_EQ(message.height, 2u);
  EXPECT_EQ(message.width, 3u);
  EXPECT_EQ(message.step, 3u);
  EXPECT_EQ(message.is_bigendian, 0);
  EXPECT_THAT(message.data, ElementsAre(0, 1, 2, 3, 4, 255));
  labels.labels[5] = 256;
  fill_labels(message, labels, 257);
  EXPECT_EQ(message.encoding, "mono16");
  EXPECT_EQ(message.step, 6u);
  EXPECT_THAT(message.data, ElementsAre(0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 0, 1));
}

TEST(Messages, ConfidenceAndOverlay) {
  recorded::Image message;
  const std::vector<float> scores{0.0f, 1.0f};
  fill_confidence(message, 1, 2, scores);
  EXPECT_EQ(message.encoding, "32FC1");
  EXPECT_EQ(message.step, 8u);
  EXPECT_THAT(message.data, ElementsAre(0, 0, 0, 0, 0, 0, 0x80, 0x3f));
  Image image(1, 2);
  image.rgb = {1, 2, 3, 4, 5, 6};
  fill_rgb(message, image);
  EXPECT_EQ(message.encoding, "rgb8");
  EXPECT_EQ(message.step, 6u);
  EXPECT_THAT(message.data, ElementsAreArray(image.rgb));
}

TEST(Messages, GoOverTheWireAsTheirDefinitionsSay) {
  recorded::LabelInfo info;
  info.header.stamp.sec = 7;
  const std::vector<std::string> classes{"cat", "wall"};
  fill_label_info(info, classes);
  ASSERT_EQ(info.class_map.size(), 2u);
  EXPECT_EQ(info.class_map[1].class_id, 1);
  EXPECT_EQ(info.class_map[1].class_name, "wall");
  recorded::Cdr wire;
  write(wire, info);
  EXPECT_THAT(wire.bytes, ElementsAreArray(std::vector<std::uint8_t>{
                              7, 0, 0, 0, 0, 0, 0, 0,                         // stamp
                              1, 0, 0, 0, 0, 0, 0, 0,                         // frame_id "", gap
                              2, 0, 0, 0,                                     // two classes
                              0, 0, 0, 0, 4, 0, 0, 0, 'c', 'a', 't', 0,       // 0 cat
                              1, 0, 0, 0, 5, 0, 0, 0, 'w', 'a', 'l', 'l', 0,  // 1 wall
                              0, 0, 0, 0, 0, 0, 0}));                         // gap, threshold
}

}  // namespace
}  // namespace san::ros
