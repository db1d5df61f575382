#include "image/codec/decode.h"

#include <iostream>
#include <mutex>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "base/error.h"
#include "base/mapped_file.h"
#include "image/codec/image_header.h"
#include "image/codec/png.h"

namespace san {
namespace {

/// No pixel of deflated data takes less than this share of a byte: an image larger than its file allows is a
/// lie.
constexpr std::int64_t kDeflateRatio = 1032, kSmallestPixelsPerByte = 8;

ImageFormat checked_format(std::span<const std::byte> bytes, const std::string& name,
                           const DecodeLimits& limits) {
  require(bytes.size() <= limits.bytes, "{}: {} bytes, but image files of at most {} are read", name,
          bytes.size(), limits.bytes);
  const ImageHeader header = read_image_header(bytes, name);
  constexpr std::int64_t kSideLimit = 1 << 20;  // OpenCV's own
  require(header.height <= kSideLimit && header.width <= kSideLimit &&
              header.height * header.width <= limits.pixels,
          "{}: {}x{} pixels, but at most {} are decoded; scale the picture down", name, header.width,
          header.height, limits.pixels);
  require(header.format != ImageFormat::kPng ||
              header.height * header.width / (kDeflateRatio * kSmallestPixelsPerByte) <=
                  static_cast<std::int64_t>(bytes.size()),
          "{}: {} bytes cannot hold a PNG of {}x{} pixels", name, bytes.size(), header.width, header.height);
  return header.format;
}

/// OpenCV reports exceptions of its decoders on std::cerr; here they become an empty picture. JPEG's never
/// throws.
cv::Mat decode_quietly(std::span<const std::byte> bytes, ImageFormat format, int flags) {
  static const bool quiet = [] {
    cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
    return true;
  }();
  (void)quiet;
  const cv::Mat buffer(1, static_cast<int>(bytes.size()), CV_8U, const_cast<std::byte*>(bytes.data()));
  const auto decode = [&]() -> cv::Mat {
    try {
      return cv::imdecode(buffer, flags);
    } catch (const cv::Exception&) {
      return {};
    }
  };
  if (format == ImageFormat::kJpeg) return decode();
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  std::streambuf* const errors = std::cerr.rdbuf(nullptr);
  cv::Mat decoded = decode();
  std::cerr.rdbuf(errors);
  return decoded;
}

}  // namespace

Image decode_image(std::span<const std::byte> bytes, const std::string& name, const DecodeLimits& limits) {
  const ImageFormat format = checked_format(bytes, name, limits);
  if (format == ImageFormat::kPng) return png::read_rgb(bytes, name);
  const cv::Mat bgr = decode_quietly(bytes, format, cv::IMREAD_COLOR);
  require(!bgr.empty() && bgr.type() == CV_8UC3, "{}: the image is damaged or of an unsupported kind", name);
  Image image(bgr.rows, bgr.cols);
  cv::Mat rgb(bgr.rows, bgr.cols, CV_8UC3, image.rgb.data());
  cv::cvtColor(bgr, rgb, cv::COLOR_BGR2RGB);
  return image;
}

LabelMap decode_labels(std::span<const std::byte> bytes, const std::string& name,
                       const DecodeLimits& limits) {
  const ImageFormat format = checked_format(bytes, name, limits);
  if (format == ImageFormat::kPng) return png::read_labels(bytes, name);
  const cv::Mat values = decode_quietly(bytes, format, cv::IMREAD_UNCHANGED);
  require(!values.empty(), "{}: the label file is damaged or of an unsupported kind", name);
  require(values.type() == CV_8U || values.type() == CV_16U,
          "{}: expected label values (8 or 16 bit grey), got {} channels", name, values.channels());
  LabelMap map(values.rows, values.cols);
  cv::Mat out(values.rows, values.cols, CV_16U, map.labels.data());
  values.convertTo(out, CV_16U);
  return map;
}

Image decode_image(const std::filesystem::path& path, const DecodeLimits& limits) {
  return decode_image(MappedFile::open(path).bytes(), path.string(), limits);
}

LabelMap decode_labels(const std::filesystem::path& path, const DecodeLimits& limits) {
  return decode_labels(MappedFile::open(path).bytes(), path.string(), limits);
}

}  // namespace san
