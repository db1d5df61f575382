#include "image/codec/decode.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <new>
#include <string_view>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/log.h"
#include "base/reader_limit.h"
#include "image/codec/common_formats.h"
#include "image/codec/helpers.h"
#include "image/codec/image_header.h"

namespace san {
namespace {

/// `allocate` as in PixelSink.
template <class Allocate>
void decode(sandbox::Task task, std::span<const std::byte> bytes, const std::string& name,
            const DecodeOptions& options, const Allocate& allocate) {
  ReaderLimit(options.max_bytes).check(bytes.size(), name, "bytes");
  const PixelSink sink{allocate, {}, [](const std::string& note) { log::warn("{}", note); }};
  const ImageFormat format = image_format(bytes, name);
  const bool common = format == ImageFormat::kPng || format == ImageFormat::kJpeg;
  try {
    if (common && !options.sandbox) return decode_common_format(task, bytes, name, options.max_pixels, sink);
    sandbox::Limits limits;
    limits.max_pixels = options.max_pixels;
    (common ? common_decoders() : opencv_codecs()).run(task, bytes, name, limits, sink);
  } catch (const std::bad_alloc&) {
    fail("{}: not enough memory to decode this picture; scale it down", name);
  }
}

}  // namespace

bool is_picture_name(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  std::ranges::transform(extension, extension.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  constexpr std::array<std::string_view, 9> known{".jpg", ".jpeg", ".png", ".webp", ".bmp",
                                                  ".tif", ".tiff", ".ppm", ".pgm"};
  return std::ranges::find(known, extension) != known.end();
}

Image decode_image(std::span<const std::byte> bytes, const std::string& name, const DecodeOptions& options) {
  Image image;
  decode(sandbox::Task::kRgb, bytes, name, options, [&](int height, int width) {
    image = Image(height, width);
    return reinterpret_cast<std::byte*>(image.rgb.data());
  });
  return image;
}

LabelMap decode_labels(std::span<const std::byte> bytes, const std::string& name,
                       const DecodeOptions& options) {
  std::vector<std::uint16_t> values;
  LabelMap map;
  decode(sandbox::Task::kLabels, bytes, name, options, [&](int height, int width) {
    map.height = height, map.width = width;
    values.resize(static_cast<std::size_t>(height) * static_cast<std::size_t>(width));
    return reinterpret_cast<std::byte*>(values.data());
  });
  map.labels.assign(values.begin(), values.end());
  return map;
}

Image decode_image(const std::filesystem::path& path, const DecodeOptions& options) {
  const std::string file = read_text_file(path, options.max_bytes);
  return decode_image(std::as_bytes(std::span(file)), path.string(), options);
}

LabelMap decode_labels(const std::filesystem::path& path, const DecodeOptions& options) {
  const std::string file = read_text_file(path, options.max_bytes);
  return decode_labels(std::as_bytes(std::span(file)), path.string(), options);
}

std::string sandbox_description() {
  return common_decoders().describe();
}

}  // namespace san
