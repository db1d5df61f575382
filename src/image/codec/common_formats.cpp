#include "image/codec/common_formats.h"

#include "base/error.h"
#include "image/codec/jpeg.h"
#include "image/codec/limits.h"
#include "image/codec/png.h"

namespace san {

void decode_common_format(sandbox::Task task, std::span<const std::byte> bytes, const std::string& name,
                          std::int64_t max_pixels, const PixelSink& sink) {
  const ImageFormat format = checked_header(bytes, name, max_pixels).format;
  const bool rgb = task == sandbox::Task::kRgb;
  if (format == ImageFormat::kPng)
    return (rgb ? png::read_rgb : png::read_labels)(bytes, name, max_pixels, sink);
  require(format == ImageFormat::kJpeg, "{}: neither PNG nor JPEG", name);
  (rgb ? jpeg::read_rgb : jpeg::read_labels)(bytes, name, max_pixels, sink);
}

}  // namespace san
