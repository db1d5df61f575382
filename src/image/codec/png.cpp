#include "image/codec/png.h"

#include <png.h>

#include <algorithm>
#include <array>
#include <bit>
#include <csetjmp>
#include <cstring>
#include <exception>

#include "base/error.h"
#include "image/codec/limits.h"
#include "image/orientation.h"

namespace san::png {
namespace {

constexpr int kCompressionLevel = 4;
// Of pictures, in which few bytes repeat: two thirds of the time for 2 % more bytes.
constexpr int kPictureCompressionLevel = 2;

/// What libpng is given as its error pointer: errors come back here by longjmp, warnings are dropped.
struct Failure {
  std::array<char, 128> message{};
};

void on_error(png_structp png, png_const_charp message) {
  auto* failure = static_cast<Failure*>(png_get_error_ptr(png));
  std::strncpy(failure->message.data(), message, failure->message.size() - 1);
  png_longjmp(png, 1);
}
void on_warning(png_structp, png_const_charp) {}

/// Runs libpng calls; false when one failed. `body` must own nothing that needs a destructor.
template <class Body>
bool guarded(png_structp png, const Body& body) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  body();
  return true;
}

struct Input {
  std::span<const std::byte> rest;
};
void read_bytes(png_structp png, png_bytep to, std::size_t count) {
  auto* input = static_cast<Input*>(png_get_io_ptr(png));
  if (count > input->rest.size()) png_error(png, "the file is truncated");
  std::memcpy(to, input->rest.data(), count);
  input->rest = input->rest.subspan(count);
}

class Reader {
 public:
  Reader(std::span<const std::byte> bytes, const std::string& name) : name_(name), input_{bytes} {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, &failure_, on_error, on_warning);
    if (png_) info_ = png_create_info_struct(png_);
    require(info_ != nullptr, "{}: no memory to decode a PNG", name);
  }
  ~Reader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  /// Judges the size that the decoder found.
  void read_header(std::int64_t max_pixels) {
    // Texts, colour profiles and the like may be compressed bombs, and say nothing about a pixel.
    static constexpr png_byte kSkipped[] = "iCCP\0iTXt\0tEXt\0zTXt\0sPLT\0hIST\0pCAL\0sCAL\0tIME";
    check(guarded(png_, [this] {
      png_set_read_fn(png_, &input_, read_bytes);
      png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
      png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, kSkipped, sizeof kSkipped / 5);
      png_read_info(png_, info_);
    }));
    check_size(name_, width(), height(), max_pixels);
  }

  /// After the transformations: rows of `bytes_per_pixel` to `row(y)`, decoded to the end of the file;
  /// `after(y)` when a row is final and others are to come.
  template <class Row, class After>
  void read_rows(const Row& row, const After& after, std::size_t bytes_per_pixel) {
    const std::size_t row_bytes = static_cast<std::size_t>(width()) * bytes_per_pixel;
    std::vector<png_bytep> rows(static_cast<std::size_t>(height()));
    for (std::size_t y = 0; y < rows.size(); ++y) rows[y] = row(static_cast<int>(y));
    check(guarded(png_, [&] {
      const bool row_by_row = png_set_interlace_handling(png_) == 1;
      png_read_update_info(png_, info_);
      if (png_get_rowbytes(png_, info_) != row_bytes) png_error(png_, "unexpected pixel layout");
      if (!row_by_row) png_read_image(png_, rows.data());
      for (int y = 0; row_by_row && y < height(); ++y) {
        png_read_row(png_, rows[static_cast<std::size_t>(y)], nullptr);
        after(y);
      }
      png_read_end(png_, info_);
    }));
  }

  int height() const { return static_cast<int>(png_get_image_height(png_, info_)); }
  int width() const { return static_cast<int>(png_get_image_width(png_, info_)); }
  int bit_depth() const { return png_get_bit_depth(png_, info_); }
  int color_type() const { return png_get_color_type(png_, info_); }
  png_structp png() { return png_; }

  Orientation orientation() {
    png_bytep exif = nullptr;
    png_uint_32 size = 0;
    if (png_get_eXIf_1(png_, info_, &size, &exif) == 0 || size == 0) return Orientation{};
    return exif_orientation(std::as_bytes(std::span(exif, size)));
  }

  void check(bool succeeded) const {
    require(succeeded, "{}: cannot decode this PNG: {}", name_, failure_.message.data());
  }

 private:
  const std::string& name_;
  Failure failure_;
  Input input_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

struct Output {
  std::vector<std::byte> bytes;
  std::exception_ptr error;
};
void write_bytes(png_structp png, png_bytep from, std::size_t count) {
  auto* output = static_cast<Output*>(png_get_io_ptr(png));
  try {
    const auto bytes = std::as_bytes(std::span(from, count));
    output->bytes.insert(output->bytes.end(), bytes.begin(), bytes.end());
    return;
  } catch (...) {
    output->error = std::current_exception();
  }
  png_error(png, "no memory");
}
void flush_bytes(png_structp) {}

}  // namespace

void read_rgb(std::span<const std::byte> bytes, const std::string& name, std::int64_t max_pixels,
              const PixelSink& sink) {
  Reader reader(bytes, name);
  reader.read_header(max_pixels);
  reader.check(guarded(reader.png(), [&] {
    png_structp png = reader.png();
    if (reader.color_type() == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
    if ((reader.color_type() & PNG_COLOR_MASK_COLOR) == 0) {
      if (reader.bit_depth() < 8) png_set_expand_gray_1_2_4_to_8(png);
      png_set_gray_to_rgb(png);
    }
    png_set_strip_16(png);
    png_set_strip_alpha(png);
  }));
  OrientedOutput out(reader.height(), reader.width(), reader.orientation(), sink);
  reader.read_rows([&](int y) { return out.row(y); }, [&](int y) { out.written(y + 1); }, 3);
  out.finish();
}

void read_labels(std::span<const std::byte> bytes, const std::string& name, std::int64_t max_pixels,
                 const PixelSink& sink) {
  Reader reader(bytes, name);
  reader.read_header(max_pixels);
  const int type = reader.color_type();
  require(type == PNG_COLOR_TYPE_GRAY || type == PNG_COLOR_TYPE_PALETTE,
          "{}: expected label values (grey or palette), got a colour or transparent PNG", name);
  const bool wide = reader.bit_depth() == 16;
  reader.check(guarded(reader.png(), [&] {
    png_set_packing(reader.png());
    if (wide && std::endian::native == std::endian::little) png_set_swap(reader.png());
  }));
  const auto width = static_cast<std::size_t>(reader.width());
  auto* labels = reinterpret_cast<std::uint16_t*>(sink.allocate(reader.height(), reader.width()));
  if (wide)
    return reader.read_rows(
        [&](int y) { return reinterpret_cast<png_bytep>(labels + static_cast<std::size_t>(y) * width); },
        [](int) {}, 2);
  std::vector<std::uint8_t> values(static_cast<std::size_t>(reader.height()) * width);
  reader.read_rows([&](int y) { return values.data() + static_cast<std::size_t>(y) * width; }, [](int) {}, 1);
  std::copy(values.begin(), values.end(), labels);
}

std::vector<std::byte> write(Kind kind, int height, int width, std::span<const std::byte> rows,
                             const Palette& palette) {
  Failure failure;
  Output output;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &failure, on_error, on_warning);
  png_infop info = png ? png_create_info_struct(png) : nullptr;
  std::vector<png_color> colors;
  for (const auto& [r, g, b] : palette) colors.push_back({r, g, b});
  const std::size_t row_bytes = rows.size() / static_cast<std::size_t>(height);
  const bool written =
      info && guarded(png, [&] {
        const int type = kind == Kind::kRgb8       ? PNG_COLOR_TYPE_RGB
                         : kind == Kind::kPalette8 ? PNG_COLOR_TYPE_PALETTE
                                                   : PNG_COLOR_TYPE_GRAY;
        png_set_write_fn(png, &output, write_bytes, flush_bytes);
        png_set_compression_level(png, kind == Kind::kRgb8 ? kPictureCompressionLevel : kCompressionLevel);
        // Trying all filters on every row takes longer than what they save is worth.
        png_set_filter(png, PNG_FILTER_TYPE_BASE, kind == Kind::kRgb8 ? PNG_FILTER_SUB : PNG_FILTER_NONE);
        png_set_IHDR(png, info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height),
                     kind == Kind::kGrey16 ? 16 : 8, type, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                     PNG_FILTER_TYPE_DEFAULT);
        if (!colors.empty()) png_set_PLTE(png, info, colors.data(), static_cast<int>(colors.size()));
        png_write_info(png, info);
        if (kind == Kind::kGrey16 && std::endian::native == std::endian::little) png_set_swap(png);
        for (int y = 0; y < height; ++y)
          png_write_row(
              png, reinterpret_cast<png_const_bytep>(rows.data()) + static_cast<std::size_t>(y) * row_bytes);
        png_write_end(png, nullptr);
      });
  png_destroy_write_struct(&png, &info);
  if (output.error) std::rethrow_exception(output.error);
  require(written, "cannot encode a PNG of {}x{} pixels: {}", width, height, failure.message.data());
  return std::move(output.bytes);
}

}  // namespace san::png
