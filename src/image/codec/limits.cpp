#include "image/codec/limits.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"

namespace san {

void check_size(const std::string& name, std::int64_t width, std::int64_t height, std::int64_t max_pixels) {
  require(width > 0 && height > 0, "{}: the picture's header states a size of {}x{} pixels", name, width,
          height);
  require(width <= kMaxSide && height <= kMaxSide,
          "{}: {}x{} pixels, but a side may have at most {}; cut the picture into pieces", name, width,
          height, kMaxSide);
  require(height * width <= max_pixels,
          "{}: {}x{} pixels, but at most {} are decoded; scale the picture down, or raise the limit "
          "(--max-pixels)",
          name, width, height, max_pixels);
}

ImageHeader checked_header(std::span<const std::byte> bytes, const std::string& name,
                           std::int64_t max_pixels) {
  const ImageHeader header = read_image_header(bytes, name);
  check_size(name, header.width, header.height, max_pixels);
  require(header.block_pixels <= std::max(max_pixels, kSmallBlock),
          "{}: tiles of {} pixels in a picture of {}x{}, but at most {} are decoded at once; save it with "
          "smaller tiles",
          name, header.block_pixels, header.width, header.height, max_pixels);
  // Each scan of a progressive JPEG runs over all of it; encoders make about ten.
  constexpr std::int64_t kMaxScans = 200, kPasses = 20;
  require(header.scans <= kMaxScans &&
              header.scans * header.width * header.height <= std::max(kPasses * max_pixels, kSmallBlock),
          "{}: a progressive JPEG of {}x{} pixels in {} scans, but at most {} and {} pixels in all scans "
          "together are decoded; save it anew, or raise the limit (--max-pixels)",
          name, header.width, header.height, header.scans, kMaxScans, kPasses * max_pixels);
  require(
      header.least_bytes <= static_cast<std::int64_t>(bytes.size()),
      "{}: {} bytes cannot hold {}x{} pixels (at least {} are needed); the file is truncated or its header "
      "is wrong",
      name, bytes.size(), header.width, header.height, header.least_bytes);
  return header;
}

OrientedOutput::OrientedOutput(int height, int width, Orientation orientation, const PixelSink& sink)
    : orientation_(orientation), sink_(sink), row_bytes_(3 * static_cast<std::size_t>(width)) {
  if (orientation.flipped || orientation.quarter_turns != 0) {
    stored_.emplace(height, width);
    rows_ = stored_->rgb.data();
  } else {
    rows_ = reinterpret_cast<std::uint8_t*>(sink.allocate(height, width));
  }
}

void OrientedOutput::written(int y) {
  constexpr std::size_t kStepBytes = 1 << 20;
  const std::size_t bytes = static_cast<std::size_t>(y) * row_bytes_;
  if (stored_ || !sink_.written || bytes < told_ + kStepBytes) return;
  sink_.written(told_ = bytes);
}

void OrientedOutput::finish() {
  if (!stored_) return;
  const Image upright = oriented(std::move(*stored_), orientation_);
  std::memcpy(sink_.allocate(upright.height, upright.width), upright.rgb.data(), upright.rgb.size());
}

}  // namespace san
