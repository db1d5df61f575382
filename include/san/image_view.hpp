#pragma once
#include <cstddef>
#include <cstdint>

#include "san/error.hpp"
#include "san/image.hpp"

namespace san {

/// The order of a pixel's bytes; alpha is ignored, grey is repeated.
enum class PixelFormat : std::uint8_t { kRgb, kBgr, kRgba, kBgra, kGrey };

/// 3, 4 or 1.
constexpr int bytes_per_pixel(PixelFormat format) {
  if (format == PixelFormat::kGrey) return 1;
  return format == PixelFormat::kRgba || format == PixelFormat::kBgra ? 4 : 3;
}

/// 8 bit pixels that somebody else owns: height rows of width pixels, `stride` bytes from one row to the
/// next. They must live until the call that reads them returns.
struct ImageView {
  const std::uint8_t* data = nullptr;
  int height = 0, width = 0;
  PixelFormat format = PixelFormat::kRgb;
  std::size_t stride = 0;  ///< bytes; 0: rows follow each other without a gap

  ImageView() = default;
  ImageView(const std::uint8_t* pixels, int view_height, int view_width,
            PixelFormat pixel_format = PixelFormat::kRgb, std::size_t row_stride = 0)
      : data(pixels), height(view_height), width(view_width), format(pixel_format), stride(row_stride) {}
  /// Every function that takes a view takes an Image. Throws Error when its size and its bytes disagree.
  SAN_API ImageView(const Image& image);  // NOLINT(google-explicit-constructor)
};

/// A copy as RGB. Throws Error on a view without pixels, of no size, of more than 2^30 pixels, or whose rows
/// are longer than its stride.
SAN_API Image to_image(const ImageView& view);

}  // namespace san
