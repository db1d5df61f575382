#include <algorithm>

#include "api/c_support.h"
#include "api/internal.h"
#include "base/error.h"
#include "base/labels.h"
#include "san/codec.hpp"
#include "san/version.hpp"

namespace san::c {
namespace {

thread_local std::string t_error;
thread_local int t_status = SAN_OK;

constexpr std::size_t kLargestStruct = 4096;

// A struct that ends in padding could not grow: an old program leaves anything there, and a new field would
// lie in it.
#define SAN_ENDS_WITH(type, last) \
  static_assert(offsetof(type, last) + sizeof(decltype(type::last)) == sizeof(type), #type)
SAN_ENDS_WITH(san_pixels, stride_bytes);
SAN_ENDS_WITH(san_decode_options, reserved);
SAN_ENDS_WITH(san_model_options, text_precision);
SAN_ENDS_WITH(san_model_facts, text_precision);
SAN_ENDS_WITH(san_cost, peak_activation_bytes);
SAN_ENDS_WITH(san_vocabulary_options, synonyms);
SAN_ENDS_WITH(san_label_set_class, reserved);
SAN_ENDS_WITH(san_segment_options, tile_overlap);
SAN_ENDS_WITH(san_stream_options, reserved);
SAN_ENDS_WITH(san_whole_clip_options, mask_decay);
SAN_ENDS_WITH(san_timing, labels_ms);
SAN_ENDS_WITH(san_overlay_options, color_count);
SAN_ENDS_WITH(san_json_options, color_count);
SAN_ENDS_WITH(san_polygon, reserved);
SAN_ENDS_WITH(san_picture_parts, user);
SAN_ENDS_WITH(san_label_rows, labels32);
SAN_ENDS_WITH(san_georeference, crs);
SAN_ENDS_WITH(san_label_tiff_options, georeference);
SAN_ENDS_WITH(san_proposal, rle_counts);

DecodeOptions decode_options(const san_decode_options* given) {
  const san_decode_options o = read(given, "san_decode_options");
  require(o.max_pixels >= 0, "san_decode_options.max_pixels is {}", o.max_pixels);
  DecodeOptions options;
  if (o.max_pixels > 0) options.max_pixels = o.max_pixels;
  if (o.max_bytes > 0) options.max_bytes = o.max_bytes;
  options.sandbox = o.sandbox != 0;
  return options;
}

}  // namespace

void clear_error() {
  t_error.clear();
  t_status = SAN_OK;
}

void set_error(int status, const char* message) noexcept {
  t_status = status;
  try {
    t_error = message;
  } catch (...) {
    t_error.clear();
  }
}

void need(const void* pointer, const char* what) {
  require(pointer != nullptr, "{} is NULL", what);
}

void require_sides(int height, int width) {
  require(height > 0 && width > 0 && static_cast<std::int64_t>(height) * width <= std::int64_t{1} << 30,
          "{} × {} pixels; expected positive sides and at most 2^30 pixels", width, height);
}

void require_narrow(std::size_t classes) {
  require(classes <= kNoLabel16,
          "labels of {} classes do not go into 16 bits, which hold at most {}: use the functions of "
          "san/c_labels32.h",
          classes, kNoLabel16);
}

void require_room(std::size_t capacity, std::size_t count, int height, int width, const char* what) {
  require_sides(height, width);
  const std::size_t needed = count * static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
  require(capacity >= needed, "{} has room for {} entries, but {} are needed", what, capacity, needed);
}

void check_size(const void* given, std::size_t size, std::size_t known, const char* name) {
  require(size >= sizeof size && size <= kLargestStruct,
          "{}.size is {}; set it to sizeof({}) and the other fields to 0 or what you want", name, size, name);
  if (given == nullptr || size <= known) return;
  const auto* bytes = static_cast<const unsigned char*>(given);
  require(std::all_of(bytes + known, bytes + size, [](unsigned char b) { return b == 0; }),
          "{}: a field is set that this library (interface version {}) does not know; update libsan", name,
          SAN_API_VERSION);
}

ImageView view(const san_pixels* pixels) {
  need(pixels, "pixels");
  const san_pixels p = read(pixels, "san_pixels");
  need(p.data, "san_pixels.data");
  require(p.format >= SAN_RGB && p.format <= SAN_GREY,
          "san_pixels.format is {}; expected SAN_RGB to SAN_GREY", p.format);
  return {static_cast<const std::uint8_t*>(p.data), p.height, p.width, static_cast<PixelFormat>(p.format),
          p.stride_bytes};
}

Watch watch(const san_cancellation* cancellation, san_progress progress, void* user) {
  Watch w;
  if (cancellation != nullptr) w.cancelled = &cancellation->flag;
  if (progress != nullptr)
    w.progress = [progress, user](std::int64_t done, std::int64_t total) { progress(done, total, user); };
  return w;
}

constexpr std::size_t kMostColors = std::size_t{kMaxClasses} + 1;  // of "other" too

std::vector<Rgb> colors(const std::uint8_t* bytes, std::size_t count) {
  std::vector<Rgb> result;
  if (bytes == nullptr) return result;
  require(count <= kMostColors, "{} colours; at most {} can be used", count, kMostColors);
  for (std::size_t i = 0; i < count; ++i)
    result.push_back({bytes[3 * i], bytes[3 * i + 1], bytes[3 * i + 2]});
  return result;
}

}  // namespace san::c

using namespace san::c;

const char* san_version(void) {
  return san::version();
}
int san_api_version(void) {
  return SAN_API_VERSION;
}
const char* san_last_error(void) {
  return t_error.c_str();
}
int san_last_status(void) {
  return t_status;
}

const void* san_buffer_data(const san_buffer* buffer) {
  return buffer != nullptr ? buffer->bytes.c_str() : nullptr;
}
size_t san_buffer_size(const san_buffer* buffer) {
  return buffer != nullptr ? buffer->bytes.size() : 0;
}
void san_buffer_free(san_buffer* buffer) {
  delete buffer;
}

int san_save_file(const char* path, const void* data, size_t size) {
  return status([&] {
    need(path, "path");
    if (size > 0) need(data, "data");
    san::save_file(path, {static_cast<const std::byte*>(data), size});
  });
}

san_cancellation* san_cancellation_create(void) {
  return guard<san_cancellation*>(nullptr, [] { return new san_cancellation; });
}
void san_cancellation_cancel(san_cancellation* cancellation) {
  if (cancellation != nullptr) cancellation->flag = true;
}
void san_cancellation_reset(san_cancellation* cancellation) {
  if (cancellation != nullptr) cancellation->flag = false;
}
void san_cancellation_free(san_cancellation* cancellation) {
  delete cancellation;
}

san_threads* san_threads_create(int threads) {
  return guard<san_threads*>(nullptr, [&] { return new san_threads{san::ThreadBudget(threads)}; });
}
int san_threads_count(const san_threads* threads) {
  return threads != nullptr ? threads->budget.threads() : 0;
}
void san_threads_free(san_threads* threads) {
  delete threads;
}

san_image* san_image_load(const char* path, const san_decode_options* options) {
  return guard<san_image*>(nullptr, [&] {
    need(path, "path");
    return new san_image{san::load_image(path, decode_options(options))};
  });
}

san_image* san_image_decode(const void* bytes, size_t size, const char* name,
                            const san_decode_options* options) {
  return guard<san_image*>(nullptr, [&] {
    need(bytes, "bytes");
    return new san_image{san::decode_image({static_cast<const std::byte*>(bytes), size},
                                           text_or(name, "picture"), decode_options(options))};
  });
}

san_image* san_image_copy(const san_pixels* pixels) {
  return guard<san_image*>(nullptr, [&] { return new san_image{san::to_image(view(pixels))}; });
}
int san_image_set(san_image* image, const san_pixels* pixels) {
  return status([&] { san::copy_pixels(view(pixels), at(image, "image").image); });
}

int san_image_pixels(const san_image* image, san_pixels* pixels) {
  return status([&] {
    const san::Image& i = at(image, "image").image;
    fill(pixels, {0, i.rgb.data(), i.height, i.width, SAN_RGB, i.row_bytes()}, "san_pixels");
  });
}
void san_image_free(san_image* image) {
  delete image;
}

san_buffer* san_sandbox_description(void) {
  return guard<san_buffer*>(nullptr, [] { return buffer(san::sandbox_description()); });
}

san_buffer* san_encode_png(const san_pixels* pixels) {
  return guard<san_buffer*>(nullptr, [&] { return buffer(san::encode_png(view(pixels))); });
}

san_buffer* san_encode_jpeg(const san_pixels* pixels, int quality) {
  return guard<san_buffer*>(nullptr, [&] { return buffer(san::encode_jpeg(view(pixels), quality)); });
}

san_buffer* san_encode_labels(const uint16_t* labels, int height, int width, const uint8_t* palette,
                              size_t palette_colors) {
  return guard<san_buffer*>(nullptr, [&] {
    return buffer(san::encode_labels(label_map(labels, height, width), colors(palette, palette_colors)));
  });
}
san_buffer* san_encode_labels32(const uint32_t* labels, int height, int width, const uint8_t* palette,
                                size_t palette_colors) {
  return guard<san_buffer*>(nullptr, [&] {
    return buffer(san::encode_labels(label_map(labels, height, width), colors(palette, palette_colors)));
  });
}

int san_distinct_colors(uint8_t* rgb, size_t count) {
  return status([&] {
    if (count > 0) need(rgb, "rgb");
    san::require(count <= san::c::kMostColors, "{} colours; at most {} can be made", count,
                 san::c::kMostColors);
    for (const san::Rgb& color : san::distinct_colors(count)) rgb = std::ranges::copy(color, rgb).out;
  });
}
