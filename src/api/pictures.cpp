#include <algorithm>
#include <cstring>

#include "api/internal.h"
#include "base/atomic_file.h"
#include "draw/contact_sheet.h"
#include "draw/overlay.h"
#include "image/codec/decode.h"
#include "image/codec/encode.h"
#include "image/resize.h"
#include "san/codec.hpp"
#include "san/draw.hpp"

namespace san {
namespace {

// Sizes that no buffer of a caller has are refused before anything is computed from them.
constexpr std::int64_t kMaxPixels = std::int64_t{1} << 30;

}  // namespace

void check_view(const ImageView& view) {
  require(view.data != nullptr, "picture: its pixels are null");
  require(view.height > 0 && view.width > 0, "picture: {} × {} pixels; both sides must be at least 1",
          view.width, view.height);
  require(static_cast<std::int64_t>(view.height) * view.width <= kMaxPixels,
          "picture: {} × {} pixels, more than the {} that can be segmented", view.width, view.height,
          kMaxPixels);
  require(view.format >= PixelFormat::kRgb && view.format <= PixelFormat::kGrey,
          "picture: pixel format {} is unknown", static_cast<int>(view.format));
  const auto row =
      static_cast<std::size_t>(view.width) * static_cast<std::size_t>(bytes_per_pixel(view.format));
  require(view.stride == 0 || view.stride >= row,
          "picture: rows are {} bytes apart, but {} pixels of {} bytes take {}", view.stride, view.width,
          bytes_per_pixel(view.format), row);
  require(view.stride <= std::numeric_limits<std::size_t>::max() / 2 / static_cast<std::size_t>(view.height),
          "picture: {} rows that are {} bytes apart do not fit into memory", view.height, view.stride);
}

namespace {

template <std::size_t bytes, std::size_t red, std::size_t green, std::size_t blue>
void to_rgb(const std::uint8_t* in, int width, std::uint8_t* out) {
  for (int x = 0; x < width; ++x, in += bytes, out += 3) {
    out[0] = in[red];
    out[1] = in[green];
    out[2] = in[blue];
  }
}

void copy_row(PixelFormat format, const std::uint8_t* in, int width, std::uint8_t* out) {
  switch (format) {
    case PixelFormat::kRgb:
      std::memcpy(out, in, static_cast<std::size_t>(width) * 3);
      break;
    case PixelFormat::kBgr:
      to_rgb<3, 2, 1, 0>(in, width, out);
      break;
    case PixelFormat::kRgba:
      to_rgb<4, 0, 1, 2>(in, width, out);
      break;
    case PixelFormat::kBgra:
      to_rgb<4, 2, 1, 0>(in, width, out);
      break;
    case PixelFormat::kGrey:
      to_rgb<1, 0, 0, 0>(in, width, out);
      break;
  }
}

void check_overlay(const Image& image, const Segmentation& result, const OverlayOptions& options) {
  require(options.opacity >= 0 && options.opacity <= 1, "overlay: an opacity of {}; expected 0 to 1",
          options.opacity);
  require(image.height == result.labels.height && image.width == result.labels.width,
          "overlay: a picture of {} × {} pixels and a result of {} × {}", image.width, image.height,
          result.labels.width, result.labels.height);
}

}  // namespace

ImageView::ImageView(const Image& image) : data(image.rgb.data()), height(image.height), width(image.width) {
  require(height > 0 && width > 0 && image.rgb.size() == static_cast<std::size_t>(height) * image.row_bytes(),
          "picture: an image of {} × {} pixels with {} bytes; expected 3 per pixel", width, height,
          image.rgb.size());
}

void copy_pixels(const ImageView& view, Image& image) {
  check_view(view);
  image.height = view.height;
  image.width = view.width;
  image.rgb.resize(static_cast<std::size_t>(view.height) * image.row_bytes());
  const std::size_t stride = view.stride > 0 ? view.stride
                                             : static_cast<std::size_t>(view.width) *
                                                   static_cast<std::size_t>(bytes_per_pixel(view.format));
  for (int y = 0; y < view.height; ++y)
    copy_row(view.format, view.data + static_cast<std::size_t>(y) * stride, view.width, image.row(y));
}

Image to_image(const ImageView& view) {
  Image image;
  copy_pixels(view, image);
  return image;
}

Image load_image(const std::filesystem::path& path, const DecodeOptions& options) {
  return decode_image(path, options);
}

std::vector<std::byte> encode_png(const ImageView& image) {
  check_view(image);
  const std::size_t row = static_cast<std::size_t>(image.width) * 3;
  if (image.format == PixelFormat::kRgb && (image.stride == 0 || image.stride == row))
    return encode_png(image.height, image.width, {image.data, row * static_cast<std::size_t>(image.height)});
  return encode_png(to_image(image));
}

std::vector<std::byte> encode_jpeg(const ImageView& image, int quality) {
  return encode_jpeg(to_image(image), quality);
}

std::vector<std::byte> encode_labels(const LabelMap& map, std::span<const Rgb> palette) {
  require(map.height > 0 && map.width > 0 &&
              map.labels.size() == static_cast<std::size_t>(map.height) * static_cast<std::size_t>(map.width),
          "labels: a map of {} × {} pixels with {} values", map.width, map.height, map.labels.size());
  return encode_label_png(map, palette);
}

void save_file(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  write_file_atomically(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::vector<Rgb> class_colors(std::span<const Rgb> colors, std::size_t classes) {
  if (colors.empty()) return distinct_colors(classes);
  require(colors.size() >= classes, "{} colours for {} classes; give one per class, or none", colors.size(),
          classes);
  return {colors.begin(), colors.end()};
}

Image draw_overlay(const ImageView& view, const Segmentation& result, std::span<const Rgb> colors,
                   const OverlayOptions& options) {
  Image image = to_image(view);
  check_overlay(image, result, options);
  const std::vector<std::string>& names = result.classes();
  return draw_overlay(std::move(image), result.labels, names, class_colors(colors, names.size()), options);
}

void paint_overlay(Image& image, const Segmentation& result, std::span<const Rgb> colors,
                   const OverlayOptions& options) {
  check_view(image);
  check_overlay(image, result, options);
  const std::vector<std::string>& names = result.classes();
  paint_overlay(image, result.labels, names, class_colors(colors, names.size()), options);
}

Image sheet_cell(const ImageView& view, const Segmentation& result, std::span<const Rgb> colors, int height) {
  require(height > 0 && height <= 1 << 14, "sheet: cells of {} pixels in height; expected 1 to 16384",
          height);
  OverlayOptions options;
  options.legend = false;
  const Image pair = beside(to_image(view), draw_overlay(view, result, colors, options));
  const auto width = static_cast<int>(static_cast<std::int64_t>(pair.width) * height / pair.height);
  return resize(pair, height, std::max(1, width), ResizeFilter::kBicubic);
}

Image draw_sheet(std::span<const Image> cells, int columns) {
  require(columns >= 1, "sheet: {} columns; expected at least 1", columns);
  for (const Image& cell : cells) check_view(cell);
  return contact_sheet(cells, {columns});
}

}  // namespace san
