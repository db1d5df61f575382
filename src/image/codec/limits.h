#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "image/codec/image_header.h"
#include "image/orientation.h"
#include "image/sandbox/pixel_sink.h"

namespace san {

/// OpenCV's own; a strip of that length is no picture anyway.
inline constexpr std::int64_t kMaxSide = 1 << 20;

/// Throws Error unless a picture of this size may be decoded.
void check_size(const std::string& name, std::int64_t width, std::int64_t height, std::int64_t max_pixels);

/// The file's header, with its size, the work it asks for and its lies judged before anything is decoded:
/// pixels, side, the bytes its pixels need at least, a TIFF's tiles, a JPEG's scans. Throws Error.
ImageHeader checked_header(std::span<const std::byte> bytes, const std::string& name,
                           std::int64_t max_pixels);

/// RGB rows in stored order, which arrive upright in a sink: decoded in place where nothing needs to be
/// turned.
class OrientedOutput {
 public:
  OrientedOutput(int height, int width, Orientation orientation, const PixelSink& sink);
  std::uint8_t* row(int y) { return rows_ + static_cast<std::size_t>(y) * row_bytes_; }
  /// The rows before `y` are written; tells the sink every MiB.
  void written(int y);
  /// After the last row.
  void finish();

 private:
  Orientation orientation_;
  const PixelSink& sink_;
  std::optional<Image> stored_;
  std::uint8_t* rows_;
  std::size_t row_bytes_, told_ = 0;
};

}  // namespace san
