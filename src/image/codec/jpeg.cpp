#include "image/codec/jpeg.h"

#include <jpeglib.h>

#include <array>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/error.h"
#include "image/codec/image_header.h"
#include "image/codec/limits.h"
#include "image/orientation.h"

namespace san::jpeg {
namespace {

/// libjpeg's errors come back by longjmp; of its warnings the first is kept.
struct Errors {
  jpeg_error_mgr manager;  // first: libjpeg hands back a pointer to it
  std::jmp_buf back;
  std::array<char, JMSG_LENGTH_MAX> error{}, warning{};
};

Errors& errors_of(j_common_ptr codec) {
  return *reinterpret_cast<Errors*>(codec->err);
}
[[noreturn]] void on_error(j_common_ptr codec) {
  Errors& errors = errors_of(codec);
  errors.manager.format_message(codec, errors.error.data());
  std::longjmp(errors.back, 1);
}
void on_message(j_common_ptr codec, int level) {
  Errors& errors = errors_of(codec);
  if (level < 0 && errors.manager.num_warnings++ == 0)
    errors.manager.format_message(codec, errors.warning.data());
}

void set_up(Errors& errors) {
  jpeg_std_error(&errors.manager);
  errors.manager.error_exit = on_error;
  errors.manager.emit_message = on_message;
}

/// Runs libjpeg calls; false when one failed. `body` must own nothing that needs a destructor.
template <class Body>
bool guarded(Errors& errors, const Body& body) {
  if (setjmp(errors.back) != 0) return false;
  body();
  return true;
}

class Reader {
 public:
  Reader(std::span<const std::byte> bytes, const std::string& name) : name_(name) {
    set_up(errors_);
    codec_.err = &errors_.manager;
    check(guarded(errors_, [&] {
      jpeg_create_decompress(&codec_);
      jpeg_mem_src(&codec_, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
      jpeg_save_markers(&codec_, JPEG_APP0 + 1, 0xffff);
      jpeg_read_header(&codec_, TRUE);
    }));
  }
  ~Reader() { jpeg_destroy_decompress(&codec_); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  int height() const { return static_cast<int>(codec_.image_height); }
  int width() const { return static_cast<int>(codec_.image_width); }
  int components() const { return codec_.num_components; }
  const char* warning() const { return errors_.warning.data(); }

  Orientation orientation() const {
    using namespace std::string_view_literals;
    constexpr std::string_view kExif = "Exif\0\0"sv;
    for (jpeg_saved_marker_ptr marker = codec_.marker_list; marker; marker = marker->next) {
      const auto data = std::as_bytes(std::span(marker->data, marker->data_length));
      if (marker->marker == JPEG_APP0 + 1 && data.size() >= kExif.size() &&
          std::memcmp(data.data(), kExif.data(), kExif.size()) == 0)
        return exif_orientation(data.subspan(kExif.size()));
    }
    return {};
  }

  /// Decodes a row at a time: to `row(y)`, then `after(y)`.
  template <class Row, class After>
  void read_rows(J_COLOR_SPACE space, const Row& row, const After& after) {
    codec_.out_color_space = space;
    check(guarded(errors_, [&] {
      jpeg_start_decompress(&codec_);
      while (codec_.output_scanline < codec_.output_height) {
        const int y = static_cast<int>(codec_.output_scanline);
        JSAMPROW to = row(y);
        jpeg_read_scanlines(&codec_, &to, 1);
        after(y);
      }
      jpeg_finish_decompress(&codec_);
    }));
  }

 private:
  void check(bool succeeded) {
    if (succeeded) return;
    const std::string error = errors_.error.data();
    jpeg_destroy_decompress(&codec_);  // in the constructor nobody else does; twice does no harm
    fail("{}: cannot decode this JPEG: {}", name_, error);
  }

  const std::string& name_;
  Errors errors_;
  jpeg_decompress_struct codec_{};
};

/// As OpenCV does: Adobe's inverted inks.
void cmyk_to_rgb(const std::uint8_t* from, std::uint8_t* to, int width) {
  for (int x = 0; x < width; ++x, from += 4, to += 3)
    for (int c = 0; c < 3; ++c) to[c] = static_cast<std::uint8_t>(from[3] - ((255 - from[c]) * from[3] >> 8));
}

}  // namespace

void read_rgb(std::span<const std::byte> bytes, const std::string& name, std::int64_t max_pixels,
              const PixelSink& sink) {
  Reader reader(bytes, name);
  check_size(name, reader.width(), reader.height(), max_pixels);
  OrientedOutput out(reader.height(), reader.width(), reader.orientation(), sink);
  if (reader.components() == 4) {
    const std::size_t row_bytes = 4 * static_cast<std::size_t>(reader.width());
    std::vector<std::uint8_t> inks(row_bytes);
    reader.read_rows(
        JCS_CMYK, [&](int) { return inks.data(); },
        [&](int y) {
          cmyk_to_rgb(inks.data(), out.row(y), reader.width());
          out.written(y + 1);
        });
  } else {
    reader.read_rows(
        JCS_RGB, [&](int y) { return out.row(y); }, [&](int y) { out.written(y + 1); });
  }
  out.finish();
  if (*reader.warning() && sink.note)
    sink.note(fmt::format("{}: damaged JPEG, decoded as far as possible: {}", name, reader.warning()));
}

void read_labels(std::span<const std::byte> bytes, const std::string& name, std::int64_t max_pixels,
                 const PixelSink& sink) {
  Reader reader(bytes, name);
  check_size(name, reader.width(), reader.height(), max_pixels);
  require(reader.components() == 1, "{}: expected label values (8 or 16 bit grey), got {} channels", name,
          reader.components());
  const int width = reader.width();
  auto* labels = reinterpret_cast<std::uint16_t*>(sink.allocate(reader.height(), width));
  std::vector<std::uint8_t> values(static_cast<std::size_t>(width));
  reader.read_rows(
      JCS_GRAYSCALE, [&](int) { return values.data(); },
      [&](int y) {
        std::copy(values.begin(), values.end(), labels + static_cast<std::ptrdiff_t>(y) * width);
      });
}

std::vector<std::byte> write(const Image& image, int quality) {
  Errors errors;
  set_up(errors);
  jpeg_compress_struct codec{};
  codec.err = &errors.manager;
  unsigned char* data = nullptr;
  unsigned long size = 0;
  const bool written = guarded(errors, [&] {
    jpeg_create_compress(&codec);
    jpeg_mem_dest(&codec, &data, &size);
    codec.image_height = static_cast<JDIMENSION>(image.height);
    codec.image_width = static_cast<JDIMENSION>(image.width);
    codec.input_components = 3;
    codec.in_color_space = JCS_RGB;
    jpeg_set_defaults(&codec);
    jpeg_set_quality(&codec, quality, TRUE);
    jpeg_start_compress(&codec, TRUE);
    while (codec.next_scanline < codec.image_height) {
      auto* row = const_cast<JSAMPROW>(image.row(static_cast<int>(codec.next_scanline)));
      jpeg_write_scanlines(&codec, &row, 1);
    }
    jpeg_finish_compress(&codec);
  });
  jpeg_destroy_compress(&codec);
  const std::unique_ptr<unsigned char, decltype(&std::free)> owner(data, &std::free);
  require(written, "cannot encode a JPEG of {}x{} pixels: {}", image.width, image.height,
          errors.error.data());
  const auto bytes = std::as_bytes(std::span(data, size));
  return {bytes.begin(), bytes.end()};
}

}  // namespace san::jpeg
