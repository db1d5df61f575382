#include "image/codec/image_header.h"

#include <array>
#include <limits>

#include "base/error.h"
#include "image/codec/header_bytes.h"

namespace san {
namespace {

/// No byte of deflated data becomes more than this many.
constexpr std::int64_t kDeflateRatio = 1032;

/// Saturating: sides of up to 2^32 times a few bytes are all larger than any file.
std::int64_t product(std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  return __builtin_mul_overflow(a, b, &result) ? std::numeric_limits<std::int64_t>::max() : result;
}

std::int64_t bytes_of_bits(std::int64_t pixels, std::int64_t bits_per_pixel) {
  return product(pixels, bits_per_pixel) / 8;
}

ImageHeader png_header(const HeaderBytes& in) {
  // Decoders find the size in the first IHDR wherever it stands; files that begin otherwise are no PNG.
  require(in.has(12, "IHDR") && in.big(8, 4) == 13,
          "{}: a PNG begins with its header (chunk IHDR), this one not", in.name());
  ImageHeader header{.format = ImageFormat::kPng, .height = in.big(20, 4), .width = in.big(16, 4)};
  constexpr std::array<int, 7> kSamples{1, 0, 3, 1, 2, 0, 4};  // by colour type
  const std::uint8_t depth = in.byte(24), type = in.byte(25);
  const int samples = type < kSamples.size() ? kSamples[type] : 0;
  require(samples > 0 && (depth == 1 || depth == 2 || depth == 4 || depth == 8 || depth == 16),
          "{}: a PNG of colour type {} with {} bits a sample does not exist", in.name(), type, depth);
  header.least_bytes = bytes_of_bits(product(header.height, header.width), samples * depth) / kDeflateRatio;
  return header;
}

/// What blocks of a frame take at least: a Huffman code has a bit, and each block begins with one, and in a
/// frame that is not progressive ends with another.
std::int64_t least_bytes_of_frame(const HeaderBytes& in, std::size_t at, const ImageHeader& frame) {
  constexpr std::uint8_t kBaseline = 0xc0, kExtended = 0xc1, kProgressive = 0xc2;
  const std::uint8_t marker = in.byte(at);
  if (marker != kBaseline && marker != kExtended && marker != kProgressive) return 0;  // no Huffman codes
  const std::size_t components = in.byte(at + 8);
  const auto factors = [&](std::size_t i, int shift) { return in.byte(at + 10 + 3 * i) >> shift & 15; };
  int across = 1, down = 1;
  for (std::size_t i = 0; i < components; ++i)
    across = std::max(across, factors(i, 4)), down = std::max(down, factors(i, 0));
  std::int64_t blocks = 0;
  for (std::size_t i = 0; i < components; ++i)
    blocks +=
        (frame.width * factors(i, 4) / across + 7) / 8 * ((frame.height * factors(i, 0) / down + 7) / 8);
  return bytes_of_bits(blocks, marker == kProgressive ? 1 : 2);
}

ImageHeader jpeg_header(const HeaderBytes& in) {
  constexpr std::uint8_t kEnd = 0xd9, kScan = 0xda, kTemporary = 0x01;
  const auto is_restart = [](std::uint8_t m) { return m >= 0xd0 && m <= 0xd7; };
  // Frame headers are C0 to CF but for the Huffman tables C4, the reserved C8 and the arithmetic conditioning
  // CC.
  const auto is_frame = [](std::uint8_t m) {
    return m >= 0xc0 && m <= 0xcf && m != 0xc4 && m != 0xc8 && m != 0xcc;
  };
  ImageHeader header{.format = ImageFormat::kJpeg, .scans = 0};
  for (std::size_t at = 2;;) {
    at = in.find_ff(at) + 1;
    const std::uint8_t marker = in.byte(at);
    if (marker == kEnd) return header;
    // Stuffed zeros and restarts belong to a scan's data, repeated FF are padding.
    if (marker == 0xff || marker == 0 || is_restart(marker) || marker == kTemporary) {
      at += marker == 0xff ? 0 : 1;
      continue;
    }
    const std::uint32_t length = in.big(at + 1, 2);
    if (is_frame(marker) && header.width == 0) {
      header.height = in.big(at + 4, 2);
      header.width = in.big(at + 6, 2);
      header.least_bytes = least_bytes_of_frame(in, at, header);
    }
    require(marker != kScan || header.width > 0, "{}: a JPEG scan before the frame's size", in.name());
    if (marker == kScan) ++header.scans;
    at += 1 + length;
  }
}

ImageHeader webp_header(const HeaderBytes& in) {
  constexpr ImageFormat format = ImageFormat::kWebp;
  if (in.has(12, "VP8X")) {
    constexpr std::uint8_t kAnimated = 2;
    require((in.byte(20) & kAnimated) == 0,
            "{}: an animated WebP, but single pictures are expected; save the frame you want as a picture",
            in.name());
    return {.format = format, .height = in.little(27, 3) + 1, .width = in.little(24, 3) + 1};
  }
  if (in.has(12, "VP8L")) {
    const std::uint32_t bits = in.little(21, 4);
    return {.format = format, .height = (bits >> 14 & 0x3fff) + 1, .width = (bits & 0x3fff) + 1};
  }
  return {.format = format, .height = in.little(28, 2) & 0x3fff, .width = in.little(26, 2) & 0x3fff};
}

ImageHeader bmp_header(const HeaderBytes& in) {
  ImageHeader header{.format = ImageFormat::kBmp};
  std::uint32_t bits = 0, compression = 0;
  if (in.little(14, 4) == 12) {
    header.width = in.little(18, 2);
    header.height = in.little(20, 2);
    bits = in.little(24, 2);
  } else {
    const auto rows = static_cast<std::int64_t>(static_cast<std::int32_t>(in.little(22, 4)));
    header.width = in.little(18, 4);
    header.height = rows < 0 ? -rows : rows;  // negative only says that rows run downwards
    bits = in.little(28, 2);
    compression = in.little(30, 4);
  }
  constexpr std::uint32_t kRle8 = 1, kRle4 = 2;
  if (compression != kRle8 && compression != kRle4)
    header.least_bytes = bytes_of_bits(product(header.height, header.width), bits);
  return header;
}

ImageHeader tiff_header(const HeaderBytes& in) {
  constexpr std::uint32_t kWidth = 256, kHeight = 257, kTileWidth = 322, kTileHeight = 323, kShort = 3;
  const bool big = in.byte(0) == 'M';
  const auto read = [&](std::size_t at, std::size_t count) {
    return big ? in.big(at, count) : in.little(at, count);
  };
  const std::size_t directory = read(4, 4);
  ImageHeader header{.format = ImageFormat::kTiff};
  std::int64_t tile_width = 0, tile_height = 0;
  const std::uint32_t entries = read(directory, 2);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + 12 * i;
    const std::uint32_t tag = read(entry, 2);
    std::int64_t* const value = tag == kWidth        ? &header.width
                                : tag == kHeight     ? &header.height
                                : tag == kTileWidth  ? &tile_width
                                : tag == kTileHeight ? &tile_height
                                                     : nullptr;
    // libtiff takes the first of entries with the same tag.
    if (value && *value == 0) *value = read(entry + 8, read(entry + 2, 2) == kShort ? 2 : 4);
  }
  header.block_pixels = product(tile_width, tile_height);
  return header;
}

ImageHeader pnm_header(const HeaderBytes& in) {
  std::size_t at = 2;
  const auto number = [&] {
    for (;; ++at) {
      if (in.byte(at) == '#')
        while (in.byte(at) != '\n' && in.byte(at) != '\r') ++at;
      const std::uint8_t c = in.byte(at);
      if (c >= '0' && c <= '9') break;
      require(c == ' ' || (c >= '\t' && c <= '\r'), "{}: no number where a PNM's header needs one",
              in.name());
    }
    std::int64_t value = 0;
    for (; in.byte(at) >= '0' && in.byte(at) <= '9' && value < 1'000'000'000; ++at)
      value = value * 10 + in.byte(at) - '0';
    return value;
  };
  ImageHeader header{.format = ImageFormat::kPnm};
  header.width = number();
  header.height = number();
  constexpr std::array<int, 6> kBits{8, 8, 24, 1, 8, 24};  // P1 to P6; a digit of the ASCII kinds is a byte
  header.least_bytes = bytes_of_bits(product(header.height, header.width), kBits[in.byte(1) - '1']);
  return header;
}

}  // namespace

ImageFormat image_format(std::span<const std::byte> bytes, const std::string& name) {
  using namespace std::string_view_literals;
  require(!bytes.empty(), "{}: the image file is empty", name);
  const HeaderBytes in(bytes, name);
  if (in.has(0, "\x89PNG\r\n\x1a\n")) return ImageFormat::kPng;
  if (in.has(0, "\xff\xd8\xff")) return ImageFormat::kJpeg;
  if (in.has(0, "RIFF") && in.has(8, "WEBP")) return ImageFormat::kWebp;
  if (in.has(0, "BM")) return ImageFormat::kBmp;
  if (in.has(0, "II*\0"sv) || in.has(0, "MM\0*"sv)) return ImageFormat::kTiff;
  if (in.has(0, "P") && in.byte(1) >= '1' && in.byte(1) <= '6') return ImageFormat::kPnm;
  fail("{}: not an image of a known format (PNG, JPEG, WebP, BMP, TIFF, PNM)", name);
}

ImageHeader read_image_header(std::span<const std::byte> bytes, const std::string& name) {
  const HeaderBytes in(bytes, name);
  const auto parse = [&] {
    switch (image_format(bytes, name)) {
      case ImageFormat::kPng:
        return png_header(in);
      case ImageFormat::kJpeg:
        return jpeg_header(in);
      case ImageFormat::kWebp:
        return webp_header(in);
      case ImageFormat::kBmp:
        return bmp_header(in);
      case ImageFormat::kTiff:
        return tiff_header(in);
      case ImageFormat::kPnm:
        return pnm_header(in);
    }
    fail("{}: unknown format", name);
  };
  const ImageHeader header = parse();
  require(header.height > 0 && header.width > 0, "{}: the image's header states a size of {}x{} pixels", name,
          header.width, header.height);
  return header;
}

}  // namespace san
