#pragma once
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "san/colors.hpp"
#include "san/image_view.hpp"

/// Between ROS messages and libsan. Templates over the message types, so that they are tested without ROS
/// against the recorded definitions beside them.
namespace san::ros {

/// The pixels of a sensor_msgs/Image, which it must outlive. Throws std::invalid_argument on encodings other
/// than rgb8, bgr8, rgba8, bgra8, mono8 and the like, and on data that is too short.
template <class ImageMessage>
ImageView view_of(const ImageMessage& message) {
  struct Encoding {
    std::string_view name;
    PixelFormat format;
  };
  static constexpr Encoding kEncodings[] = {{"rgb8", PixelFormat::kRgb},   {"bgr8", PixelFormat::kBgr},
                                            {"rgba8", PixelFormat::kRgba}, {"bgra8", PixelFormat::kBgra},
                                            {"mono8", PixelFormat::kGrey}, {"8UC1", PixelFormat::kGrey},
                                            {"8UC3", PixelFormat::kBgr},   {"8UC4", PixelFormat::kBgra}};
  for (const Encoding& encoding : kEncodings) {
    if (encoding.name != message.encoding) continue;
    const std::size_t row =
        std::size_t{message.width} * static_cast<std::size_t>(bytes_per_pixel(encoding.format));
    if (message.height == 0 || message.width == 0 || message.step < row ||
        message.data.size() < std::size_t{message.step} * (message.height - 1) + row)
      throw std::invalid_argument("image: fewer bytes than its size needs");
    return {message.data.data(), static_cast<int>(message.height), static_cast<int>(message.width),
            encoding.format, message.step};
  }
  throw std::invalid_argument("image: encoding " + message.encoding +
                              "; expected rgb8, bgr8, rgba8, bgra8 or mono8");
}

/// `values`: one of `Value` for each pixel, little-endian machines alone (as all that ROS 2 supports are).
template <class ImageMessage, class Value>
void fill_image(ImageMessage& message, int height, int width, int channels, std::string_view encoding,
                std::span<const Value> values) {
  message.height = static_cast<decltype(message.height)>(height);
  message.width = static_cast<decltype(message.width)>(width);
  message.encoding = encoding;
  message.is_bigendian = 0;
  message.step =
      static_cast<decltype(message.step)>(static_cast<std::size_t>(width * channels) * sizeof(Value));
  message.data.resize(values.size_bytes());
  std::memcpy(message.data.data(), values.data(), values.size_bytes());
}

/// Class indices: mono8 while they fit, else mono16, else 32SC1. `classes`: how many there are, "other"
/// included.
template <class ImageMessage>
void fill_labels(ImageMessage& message, const LabelMap& labels, std::size_t classes) {
  if (classes > 65536)
    return fill_image(message, labels.height, labels.width, 1, "32SC1", std::span(labels.labels));
  if (classes > 256) {
    const std::vector<std::uint16_t> narrow(labels.labels.begin(), labels.labels.end());
    return fill_image(message, labels.height, labels.width, 1, "mono16", std::span(narrow));
  }
  const std::vector<std::uint8_t> bytes(labels.labels.begin(), labels.labels.end());
  fill_image(message, labels.height, labels.width, 1, "mono8", std::span(bytes));
}

/// The score of each pixel's label, 0 … 1 (32FC1).
template <class ImageMessage>
void fill_confidence(ImageMessage& message, int height, int width, std::span<const float> scores) {
  fill_image(message, height, width, 1, "32FC1", scores);
}

template <class ImageMessage>
void fill_rgb(ImageMessage& message, const Image& image) {
  fill_image(message, image.height, image.width, 3, "rgb8", std::span(image.rgb));
}

/// vision_msgs/LabelInfo: what the indices mean.
template <class LabelInfo>
void fill_label_info(LabelInfo& message, std::span<const std::string> classes) {
  message.class_map.clear();
  for (std::size_t k = 0; k < classes.size(); ++k) {
    auto& entry = message.class_map.emplace_back();
    entry.class_id = static_cast<decltype(entry.class_id)>(k);
    entry.class_name = classes[k];
  }
  message.threshold = 0;
}

}  // namespace san::ros
