#include "image/tiff/tiff_rows.h"

#include <tiffio.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "image/sandbox/protocol.h"

namespace san::tiff {
namespace {

/// A strip or tile is decoded as a whole.
constexpr std::uint64_t kMostBlockPixels = std::uint64_t{1} << 27;
constexpr std::size_t kMostTagBytes = std::size_t{1} << 20;

struct GeoTag {
  std::uint16_t tag;
  TIFFDataType type;
  std::uint32_t size;  // of a value
};
/// Scale, tie points and transformation of GeoTIFF, its directory of keys and their values.
constexpr GeoTag kGeoTags[] = {{33550, TIFF_DOUBLE, 8}, {33922, TIFF_DOUBLE, 8}, {34264, TIFF_DOUBLE, 8},
                               {34735, TIFF_SHORT, 2},  {34736, TIFF_DOUBLE, 8}, {34737, TIFF_ASCII, 1}};

/// What libtiff reads from. Its complaints are kept: the last is why something failed.
struct Source {
  std::span<const std::byte> file;
  std::uint64_t at = 0;
};

thread_local std::string complaint;

void keep_complaint(const char*, const char* format, va_list arguments) {
  char text[512];
  std::vsnprintf(text, sizeof text, format, arguments);
  complaint = text;
}

tmsize_t read(thandle_t handle, void* to, tmsize_t size) {
  auto& source = *static_cast<Source*>(handle);
  if (source.at >= source.file.size()) return 0;
  const auto count =
      std::min<std::uint64_t>(static_cast<std::uint64_t>(size), source.file.size() - source.at);
  std::memcpy(to, source.file.data() + source.at, count);
  source.at += count;
  return static_cast<tmsize_t>(count);
}
tmsize_t write(thandle_t, void*, tmsize_t) {
  return 0;
}
toff_t seek(thandle_t handle, toff_t offset, int whence) {
  auto& source = *static_cast<Source*>(handle);
  source.at = whence == SEEK_SET   ? offset
              : whence == SEEK_CUR ? source.at + offset
                                   : source.file.size() + offset;
  return source.at;
}
int close(thandle_t) {
  return 0;
}
toff_t size(thandle_t handle) {
  return static_cast<Source*>(handle)->file.size();
}

using Handle = std::unique_ptr<TIFF, decltype(&TIFFClose)>;

/// libtiff knows GeoTIFF's tags only from those who want them.
void declare_geo_tags(TIFF* tiff) {
  static char names[6][4] = {"g0", "g1", "g2", "g3", "g4", "g5"};
  std::vector<TIFFFieldInfo> fields;
  for (std::size_t i = 0; i < std::size(kGeoTags); ++i)
    fields.push_back({kGeoTags[i].tag, -1, -1, kGeoTags[i].type, FIELD_CUSTOM, 1,
                      static_cast<unsigned char>(kGeoTags[i].type == TIFF_ASCII ? 0 : 1), names[i]});
  TIFFMergeFieldInfo(tiff, fields.data(), static_cast<std::uint32_t>(fields.size()));
}

Handle open(Source& source) {
  complaint.clear();
  // m: read through the functions, so that libtiff checks what it reads against the file's end.
  Handle tiff(TIFFClientOpen("picture", "rm", &source, read, write, seek, close, size, nullptr, nullptr),
              &TIFFClose);
  require(tiff != nullptr, "not a TIFF that can be read: {}", complaint);
  return tiff;
}

struct Facts {
  std::uint32_t height = 0, width = 0, block_height = 0;
};

Facts facts_of(TIFF* tiff) {
  Facts f;
  TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &f.height);
  TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &f.width);
  constexpr std::uint32_t kLongest = 1u << 20;
  require(f.height > 0 && f.width > 0 && f.height <= kLongest && f.width <= kLongest,
          "a TIFF of {}x{} pixels; expected sides of 1 to {}", f.width, f.height, kLongest);
  char why[1024] = {};
  require(TIFFRGBAImageOK(tiff, why) == 1, "a TIFF whose pixels cannot be read as colours: {}", why);
  std::uint32_t block_width = f.width;
  if (TIFFIsTiled(tiff)) {
    TIFFGetField(tiff, TIFFTAG_TILELENGTH, &f.block_height);
    TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &block_width);
  } else {
    TIFFGetFieldDefaulted(tiff, TIFFTAG_ROWSPERSTRIP, &f.block_height);
  }
  require(f.block_height > 0 && block_width > 0, "a TIFF in strips or tiles of no size");
  if (!TIFFIsTiled(tiff)) f.block_height = std::min(f.block_height, f.height);
  require(
      std::uint64_t{f.block_height} * block_width <= kMostBlockPixels,
      "a TIFF in blocks of {}x{} pixels, each of which has to be decoded as a whole; save it in tiles, as in "
      "`gdal_translate -co TILED=YES`",
      block_width, f.block_height);
  std::uint16_t bits = 0, samples = 0;
  TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &bits);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &samples);
  // libtiff misplaces the rows of such tiles where it has to cut them.
  require(!TIFFIsTiled(tiff) || bits != 16 || samples != 1 || f.width % block_width == 0,
          "a TIFF of 16 bit grey tiles that its right edge cuts; save it in strips or with 8 bits, as in "
          "`gdal_translate -ot Byte -scale`");
  return f;
}

template <class T>
void append(std::vector<std::byte>& bytes, const T& value) {
  const auto* from = reinterpret_cast<const std::byte*>(&value);
  bytes.insert(bytes.end(), from, from + sizeof value);
}

int append_tag(TIFF* tiff, const GeoTag& tag, std::vector<std::byte>& bytes) {
  std::uint16_t count = 0;
  const void* values = nullptr;
  sandbox::TiffTag head{tag.tag, static_cast<std::uint16_t>(tag.type), 0, 0};
  if (tag.type == TIFF_ASCII) {
    const char* text = nullptr;
    if (TIFFGetField(tiff, tag.tag, &text) != 1 || text == nullptr) return 0;
    head.count = static_cast<std::uint32_t>(std::strlen(text) + 1);
    values = text;
  } else {
    if (TIFFGetField(tiff, tag.tag, &count, &values) != 1 || values == nullptr) return 0;
    head.count = count;
  }
  head.bytes = head.count * tag.size;
  require(bytes.size() + head.bytes < kMostTagBytes, "a TIFF with more than {} bytes of georeference",
          kMostTagBytes);
  append(bytes, head);
  const auto* from = static_cast<const std::byte*>(values);
  bytes.insert(bytes.end(), from, from + head.bytes);
  return 1;
}

}  // namespace

void warm_up() {
  TIFFSetErrorHandler(keep_complaint);
  TIFFSetWarningHandler(nullptr);
  TIFFSetTagExtender(declare_geo_tags);
  // One grey pixel: what libtiff and the standard library look up once (sorting asks for the memory's size)
  // is looked up while it still may be.
  static constexpr std::uint8_t kPixel[] = {'I',  'I', 42, 0, 8, 0, 0, 0, 8, 0, 0, 1,
                                            3,    0,   1,  0, 0, 0, 1, 0, 0, 0,        // width
                                            1,    1,   3,  0, 1, 0, 0, 0, 1, 0, 0, 0,  // height
                                            2,    1,   3,  0, 1, 0, 0, 0, 8, 0, 0, 0,  // bits
                                            6,    1,   3,  0, 1, 0, 0, 0, 1, 0, 0, 0,  // grey
                                            0x11, 1,   4,  0, 1, 0, 0, 0, 0, 0, 0, 0,  // where the strip lies
                                            0x15, 1,   3,  0, 1, 0, 0, 0, 1, 0, 0, 0,  // samples
                                            0x16, 1,   3,  0, 1, 0, 0, 0, 1, 0, 0, 0,  // rows of a strip
                                            0x17, 1,   4,  0, 1, 0, 0, 0, 1, 0, 0, 0,  // bytes of it
                                            0,    0,   0,  0};
  std::byte rgb[3];
  read_rows(std::as_bytes(std::span(kPixel)), 0, 1, {[&](int, int) { return rgb; }});
}

void read_facts(std::span<const std::byte> file, const PixelSink& sink) {
  Source source{file};
  const Handle tiff = open(source);
  const Facts f = facts_of(tiff.get());
  sandbox::TiffFacts facts{static_cast<std::int32_t>(f.height), static_cast<std::int32_t>(f.width),
                           static_cast<std::int32_t>(f.block_height), 0};
  std::vector<std::byte> tags;
  for (const GeoTag& tag : kGeoTags) facts.tags += append_tag(tiff.get(), tag, tags);
  std::vector<std::byte> bytes;
  append(bytes, facts);
  bytes.insert(bytes.end(), tags.begin(), tags.end());
  std::ranges::copy(bytes, sink.allocate(1, static_cast<int>(bytes.size())));
}

void read_rows(std::span<const std::byte> file, int row, int rows, const PixelSink& sink) {
  Source source{file};
  const Handle tiff = open(source);
  const Facts f = facts_of(tiff.get());
  require(row >= 0 && rows > 0 && static_cast<std::uint32_t>(row) < f.height &&
              static_cast<std::uint32_t>(rows) <= f.height - static_cast<std::uint32_t>(row),
          "rows {} to {} of a TIFF of {}", row, row + rows, f.height);
  TIFFRGBAImage image;
  char why[1024] = {};
  require(TIFFRGBAImageBegin(&image, tiff.get(), 1, why) == 1,
          "a TIFF whose pixels cannot be read as colours: {}", why);
  const std::unique_ptr<TIFFRGBAImage, decltype(&TIFFRGBAImageEnd)> end(&image, &TIFFRGBAImageEnd);
  image.req_orientation = ORIENTATION_TOPLEFT;
  image.orientation = ORIENTATION_TOPLEFT;
  image.row_offset = row;
  image.col_offset = 0;
  std::vector<std::uint32_t> raster(static_cast<std::size_t>(f.width) * static_cast<std::size_t>(rows));
  complaint.clear();
  require(TIFFRGBAImageGet(&image, raster.data(), f.width, static_cast<std::uint32_t>(rows)) == 1,
          "rows {} to {} of the TIFF are damaged: {}", row, row + rows, complaint);
  std::byte* to = sink.allocate(rows, static_cast<int>(f.width));
  for (std::size_t y = 0; y < static_cast<std::size_t>(rows); ++y)
    for (const std::uint32_t pixel : std::span(raster).subspan(y * f.width, f.width)) {
      *to++ = static_cast<std::byte>(TIFFGetR(pixel));
      *to++ = static_cast<std::byte>(TIFFGetG(pixel));
      *to++ = static_cast<std::byte>(TIFFGetB(pixel));
    }
}

}  // namespace san::tiff
