#include "image/opencv/opencv_codecs.h"

#include <cstring>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <vector>

#include "base/error.h"
#include "image/codec/limits.h"

namespace san::opencv {
namespace {

/// Empty when the picture is damaged.
cv::Mat decode(std::span<const std::byte> bytes, int flags) {
  const cv::Mat buffer(1, static_cast<int>(bytes.size()), CV_8U, const_cast<std::byte*>(bytes.data()));
  try {
    return cv::imdecode(buffer, flags);
  } catch (const cv::Exception& error) {
    if (error.code == cv::Error::StsNoMem) throw std::bad_alloc();
    return {};
  }
}

}  // namespace

void read_rgb(std::span<const std::byte> bytes, const std::string& name, std::int64_t max_pixels,
              const PixelSink& sink) {
  checked_header(bytes, name, max_pixels);
  const cv::Mat bgr = decode(bytes, cv::IMREAD_COLOR);
  require(!bgr.empty() && bgr.type() == CV_8UC3, "{}: the image is damaged or of an unsupported kind", name);
  check_size(name, bgr.cols, bgr.rows, max_pixels);
  cv::Mat rgb(bgr.rows, bgr.cols, CV_8UC3, sink.allocate(bgr.rows, bgr.cols));
  cv::cvtColor(bgr, rgb, cv::COLOR_BGR2RGB);
}

void read_labels(std::span<const std::byte> bytes, const std::string& name, std::int64_t max_pixels,
                 const PixelSink& sink) {
  checked_header(bytes, name, max_pixels);
  const cv::Mat values = decode(bytes, cv::IMREAD_UNCHANGED);
  require(!values.empty(), "{}: the label file is damaged or of an unsupported kind", name);
  require(values.type() == CV_8U || values.type() == CV_16U,
          "{}: expected label values (8 or 16 bit grey), got {} channels of {} bits", name, values.channels(),
          8 * values.elemSize1());
  check_size(name, values.cols, values.rows, max_pixels);
  cv::Mat out(values.rows, values.cols, CV_16U, sink.allocate(values.rows, values.cols));
  values.convertTo(out, CV_16U);
}

void warm_up() {
  cv::setNumThreads(1);  // no threads can be started later
  cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
  constexpr int kSize = 16;
  std::vector<std::byte> pixels(3 * kSize * kSize);
  for (const char* extension : {".webp", ".bmp", ".ppm", ".tif"}) {
    std::vector<std::uint8_t> file;
    cv::imencode(extension, cv::Mat(kSize, kSize, CV_8UC3, cv::Scalar(1, 2, 3)), file);
    const auto bytes = std::as_bytes(std::span(file));
    const PixelSink sink{[&](int, int) { return pixels.data(); }, {}};
    read_rgb(bytes, extension, kSize * kSize, sink);
    try {
      read_labels(bytes.first(bytes.size() / 2), extension, kSize * kSize, sink);
    } catch (const Error&) {  // the way of an exception is to be walked once too
    }
  }
}

}  // namespace san::opencv
