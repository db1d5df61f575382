#include "image/codec/image_header.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"

namespace san {
namespace {

/// Reads numbers at any offset; the first one beyond the end throws.
class HeaderBytes {
 public:
  HeaderBytes(std::span<const std::byte> bytes, const std::string& name) : bytes_(bytes), name_(name) {}

  std::size_t size() const { return bytes_.size(); }
  std::uint8_t byte(std::size_t at) const {
    require(at < bytes_.size(), "{}: the image file is truncated", name_);
    return std::to_integer<std::uint8_t>(bytes_[at]);
  }
  std::uint32_t big(std::size_t at, std::size_t count) const {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < count; ++i) value = value << 8 | byte(at + i);
    return value;
  }
  std::uint32_t little(std::size_t at, std::size_t count) const {
    std::uint32_t value = 0;
    for (std::size_t i = count; i-- > 0;) value = value << 8 | byte(at + i);
    return value;
  }
  bool has(std::size_t at, std::string_view text) const {
    return at + text.size() <= bytes_.size() &&
           std::memcmp(bytes_.data() + at, text.data(), text.size()) == 0;
  }
  /// The next position of an 0xFF byte.
  std::size_t find_ff(std::size_t from) const {
    const auto found = std::find(bytes_.begin() + static_cast<std::ptrdiff_t>(std::min(from, size())),
                                 bytes_.end(), std::byte{0xff});
    return static_cast<std::size_t>(found - bytes_.begin());
  }
  const std::string& name() const { return name_; }

 private:
  std::span<const std::byte> bytes_;
  const std::string& name_;
};

ImageHeader jpeg_header(const HeaderBytes& in) {
  constexpr std::uint8_t kEnd = 0xd9, kScan = 0xda, kTemporary = 0x01;
  const auto is_restart = [](std::uint8_t m) { return m >= 0xd0 && m <= 0xd7; };
  // Frame headers are C0 to CF but for the Huffman tables C4, the reserved C8 and the arithmetic conditioning
  // CC.
  const auto is_frame = [](std::uint8_t m) {
    return m >= 0xc0 && m <= 0xcf && m != 0xc4 && m != 0xc8 && m != 0xcc;
  };
  ImageHeader header{ImageFormat::kJpeg, 0, 0};
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
    }
    require(marker != kScan || header.width > 0, "{}: a JPEG scan before the frame's size", in.name());
    at += 1 + length;
  }
}

ImageHeader webp_header(const HeaderBytes& in) {
  constexpr ImageFormat format = ImageFormat::kWebp;
  if (in.has(12, "VP8X")) return {format, in.little(27, 3) + 1, in.little(24, 3) + 1};
  if (in.has(12, "VP8L")) {
    const std::uint32_t bits = in.little(21, 4);
    return {format, (bits >> 14 & 0x3fff) + 1, (bits & 0x3fff) + 1};
  }
  return {format, in.little(28, 2) & 0x3fff, in.little(26, 2) & 0x3fff};
}

ImageHeader bmp_header(const HeaderBytes& in) {
  if (in.little(14, 4) == 12) return {ImageFormat::kBmp, in.little(20, 2), in.little(18, 2)};
  // A negative height only says that rows run downwards.
  const auto height = static_cast<std::int64_t>(static_cast<std::int32_t>(in.little(22, 4)));
  return {ImageFormat::kBmp, height < 0 ? -height : height, in.little(18, 4)};
}

ImageHeader tiff_header(const HeaderBytes& in) {
  constexpr std::uint32_t kWidth = 256, kHeight = 257, kShort = 3;
  const bool big = in.byte(0) == 'M';
  const auto read = [&](std::size_t at, std::size_t count) {
    return big ? in.big(at, count) : in.little(at, count);
  };
  const std::size_t directory = read(4, 4);
  ImageHeader header{ImageFormat::kTiff, 0, 0};
  const std::uint32_t entries = read(directory, 2);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + 12 * i;
    const std::uint32_t tag = read(entry, 2);
    if (tag != kWidth && tag != kHeight) continue;
    (tag == kWidth ? header.width : header.height) = read(entry + 8, read(entry + 2, 2) == kShort ? 2 : 4);
  }
  return header;
}

ImageHeader pnm_header(const HeaderBytes& in) {
  std::size_t at = 2;
  const auto number = [&] {
    for (;; ++at) {
      if (in.byte(at) == '#')
        while (in.byte(at) != '\n') ++at;
      if (in.byte(at) >= '0' && in.byte(at) <= '9') break;
    }
    std::int64_t value = 0;
    for (; in.byte(at) >= '0' && in.byte(at) <= '9' && value < 1'000'000'000; ++at)
      value = value * 10 + in.byte(at) - '0';
    return value;
  };
  const std::int64_t width = number();
  return {ImageFormat::kPnm, number(), width};
}

ImageHeader parse(const HeaderBytes& in) {
  if (in.has(0, "\x89PNG\r\n\x1a\n")) return {ImageFormat::kPng, in.big(20, 4), in.big(16, 4)};
  if (in.has(0, "\xff\xd8\xff")) return jpeg_header(in);
  if (in.has(0, "RIFF") && in.has(8, "WEBP")) return webp_header(in);
  if (in.has(0, "BM")) return bmp_header(in);
  using namespace std::string_view_literals;
  if (in.has(0, "II*\0"sv) || in.has(0, "MM\0*"sv)) return tiff_header(in);
  if (in.has(0, "P") && in.byte(1) >= '1' && in.byte(1) <= '6') return pnm_header(in);
  fail("{}: not an image of a known format (PNG, JPEG, WebP, BMP, TIFF, PNM)", in.name());
}

}  // namespace

ImageHeader read_image_header(std::span<const std::byte> bytes, const std::string& name) {
  require(!bytes.empty(), "{}: the image file is empty", name);
  const ImageHeader header = parse(HeaderBytes(bytes, name));
  require(header.height > 0 && header.width > 0, "{}: the image's header states a size of {}x{} pixels", name,
          header.width, header.height);
  return header;
}

}  // namespace san
