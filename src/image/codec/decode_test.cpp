#include "image/codec/decode.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/test_error.h"

namespace san {
namespace {

using test::error_of;

std::string path_of(const std::string& name) {
  return SAN_SOURCE_DIR "/tests/data/image/" + name;
}
std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

/// What make_fixtures.py draws.
Image expected_rgb() {
  Image image(4, 5);
  for (int y = 0; y < 4; ++y)
    for (int x = 0; x < 5; ++x) {
      std::uint8_t* pixel = image.row(y) + 3 * x;
      pixel[0] = static_cast<std::uint8_t>(40 * x + 3);
      pixel[1] = static_cast<std::uint8_t>(50 * y + 7);
      pixel[2] = static_cast<std::uint8_t>(10 * (x + y));
    }
  return image;
}

LabelMap expected_labels(int factor) {
  LabelMap map(4, 5);
  for (int y = 0; y < 4; ++y)
    for (int x = 0; x < 5; ++x) map.row(y)[x] = static_cast<Label>((3 * y + x) * factor);
  return map;
}

/// Largest difference to the upright four-quarters picture.
int distance_to_quarters(const Image& image) {
  if (image.height != 16 || image.width != 32) return 1000;
  constexpr std::array<std::array<int, 3>, 4> kColors{{{250, 0, 0}, {0, 250, 0}, {0, 0, 250}, {250, 250, 0}}};
  int largest = 0;
  for (int y = 0; y < 16; ++y)
    for (int x = 0; x < 32; ++x)
      for (std::size_t c = 0; c < 3; ++c) {
        const auto quarter = static_cast<std::size_t>((y >= 8 ? 2 : 0) + (x >= 16 ? 1 : 0));
        largest =
            std::max(largest, std::abs(image.row(y)[3 * x + static_cast<int>(c)] - kColors[quarter][c]));
      }
  return largest;
}

TEST(Decode, LosslessFormatsGiveTheirPixels) {
  for (const char* name : {"rgb.png", "rgb.bmp", "rgb.ppm", "rgb.tif", "rgb.webp", "rgba.png"})
    EXPECT_EQ(decode_image(path_of(name)), expected_rgb()) << name;
}

TEST(Decode, GreyAndPaletteBecomeRgb) {
  const Image grey = decode_image(path_of("grey8.png"));
  const Image wide = decode_image(path_of("grey16.png"));
  const Image palette = decode_image(path_of("palette4.png"));
  ASSERT_EQ(grey.rgb.size(), 60u);
  ASSERT_EQ(palette.rgb.size(), 60u);
  for (std::size_t i = 0; i < 20; ++i) {
    const auto label = static_cast<int>(3 * (i / 5) + i % 5);
    for (std::size_t c = 0; c < 3; ++c) EXPECT_EQ(grey.rgb[3 * i + c], label);
    for (std::size_t c = 0; c < 3; ++c) EXPECT_EQ(wide.rgb[3 * i + c], label * 1000 / 256);
    EXPECT_EQ(palette.rgb[3 * i], label);
    EXPECT_EQ(palette.rgb[3 * i + 1], 2 * label);
    EXPECT_EQ(palette.rgb[3 * i + 2], 255 - label);
  }
}

TEST(Decode, AppliesEveryOrientation) {
  for (int orientation = 1; orientation <= 8; ++orientation)
    EXPECT_EQ(
        distance_to_quarters(decode_image(path_of("orientation" + std::to_string(orientation) + ".png"))), 0)
        << orientation;
  // JPEG at quality 95 without subsampling changes solid colours by a few levels.
  for (const char* name : {"orientation1.jpg", "orientation6.jpg", "orientation7.jpg"})
    EXPECT_LE(distance_to_quarters(decode_image(path_of(name))), 8) << name;
}

TEST(Decode, OtherJpegColourSpaces) {
  EXPECT_LE(distance_to_quarters(decode_image(path_of("cmyk.jpg"))), 8);
  const Image grey = decode_image(path_of("grey.jpg"));
  EXPECT_EQ(grey.row(0)[0], grey.row(0)[1]);
  EXPECT_NEAR(grey.row(0)[0], 0.299 * 250, 4);
}

TEST(Decode, LabelsAreRaw) {
  for (const char* name : {"grey8.png", "grey8.tif", "palette4.png"})
    EXPECT_EQ(decode_labels(path_of(name)), expected_labels(1)) << name;
  for (const char* name : {"grey16.png", "grey16.tif"})
    EXPECT_EQ(decode_labels(path_of(name)), expected_labels(1000)) << name;
  for (const char* name : {"rgb.png", "rgba.png", "rgb.tif", "rgb.bmp"})
    EXPECT_THROW(decode_labels(path_of(name)), Error) << name;
}

TEST(Decode, MissingAndForeignFilesAreNamed) {
  EXPECT_NE(error_of([] { decode_image("/nonexistent/a.png"); }).find("/nonexistent/a.png"),
            std::string::npos);
  EXPECT_NE(error_of([] { decode_image(SAN_SOURCE_DIR); }).find(SAN_SOURCE_DIR), std::string::npos);
  EXPECT_NE(error_of([] { decode_image(std::span<const std::byte>(), "empty.jpg"); }).find("empty"),
            std::string::npos);
  const std::string text = "<svg xmlns='http://www.w3.org/2000/svg'/>";
  const std::string error = error_of([&] { decode_image(bytes_of(text), "drawing.png"); });
  EXPECT_NE(error.find("drawing.png: not an image of a known format"), std::string::npos) << error;
}

TEST(Decode, AbsurdSizesAreRefusedBeforeDecoding) {
  const auto patched = [](const std::string& name, std::size_t at, std::string_view bytes) {
    std::string file = read_text_file(path_of(name));
    file.replace(at, bytes.size(), bytes);
    return file;
  };
  using namespace std::string_view_literals;
  const std::string png = patched("rgb.png", 16, "\x00\x01\x00\x00\x00\x01\x00\x00"sv);
  const std::string bmp = patched("rgb.bmp", 18, "\xff\xff\xff\x7f\xff\xff\xff\x7f"sv);
  const std::string none = patched("rgb.bmp", 18, "\x00\x00\x00\x00\x00\x00\x00\x00"sv);
  const std::string bomb = patched("rgb.png", 16, "\x00\x00\x20\x00\x00\x00\x20\x00"sv);
  EXPECT_NE(error_of([&] { decode_image(bytes_of(png), "png"); }).find("65536x65536"), std::string::npos);
  EXPECT_NE(error_of([&] { decode_image(bytes_of(bmp), "bmp"); }).find("at most"), std::string::npos);
  EXPECT_NE(error_of([&] { decode_image(bytes_of(none), "bmp"); }).find("0x0"), std::string::npos);
  EXPECT_NE(error_of([&] { decode_image(bytes_of(bomb), "bomb"); }).find("cannot hold"), std::string::npos);
  EXPECT_NE(error_of([] { decode_image(path_of("rgb.png"), {.max_pixels = 19}); }).find("5x4"),
            std::string::npos);
  EXPECT_NE(error_of([] { decode_image(path_of("rgb.png"), {.max_bytes = 19}); }).find("19"),
            std::string::npos);
}

/// A JPEG's markers without any picture in its scans.
std::string jpeg_of_scans(int height, int width, int scans) {
  const auto big = [](int value) {
    return std::string{static_cast<char>(value >> 8 & 0xff), static_cast<char>(value & 0xff)};
  };
  std::string file = "\xff\xd8\xff\xc2" + big(11) + '\x08' + big(height) + big(width) + "\x01\x01\x11" + '\0';
  for (int i = 0; i < scans; ++i) file += "\xff\xda" + big(8) + "\x01\x01" + std::string(4, '\0');
  return file + "\xff\xd9";
}

TEST(DecodeLimits, ScansOfAProgressiveJpeg) {
  const auto error = [](int height, int width, int scans) {
    return error_of([&] { decode_image(bytes_of(jpeg_of_scans(height, width, scans)), "scans.jpg"); });
  };
  EXPECT_NE(error(16, 16, 201).find("scans.jpg: a progressive JPEG of 16x16 pixels in 201 scans"),
            std::string::npos);
  EXPECT_EQ(error(16, 16, 200).find("in 200 scans"), std::string::npos);
  // 98 million pixels: twenty times over are allowed, not 21 times.
  EXPECT_NE(error(1500, 65500, 21).find("in 21 scans, but at most 200 and 2000000000 pixels"),
            std::string::npos);
  EXPECT_EQ(error(1500, 65500, 20).find("in 20 scans"), std::string::npos);
}

TEST(DecodeLimits, BytesThatBlocksOfAJpegNeedAtLeast) {
  const auto error = [](int side) {
    return error_of(
        [&] { decode_image(bytes_of(jpeg_of_scans(side, side, 1)), "j.jpg", {.max_pixels = 300'000'000}); });
  };
  // 2000 × 2000 blocks of a bit.
  EXPECT_NE(error(16000).find("cannot hold 16000x16000 pixels (at least 500000 are needed)"),
            std::string::npos);
  EXPECT_EQ(error(8).find("cannot hold"), std::string::npos);
}

/// A TIFF's directory alone; tags are width, height, tile width and tile height.
std::string tiff_of_tiles(std::uint32_t side, std::uint32_t tile) {
  const auto little = [](std::uint32_t value, int bytes) {
    std::string out;
    for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
    return out;
  };
  std::string file = "II*" + std::string(1, '\0') + little(8, 4) + little(4, 2);
  for (const auto& [tag, value] :
       {std::pair{256u, side}, std::pair{257u, side}, std::pair{322u, tile}, std::pair{323u, tile}})
    file += little(tag, 2) + little(4, 2) + little(1, 4) + little(value, 4);
  return file + little(0, 4);
}

TEST(DecodeLimits, TilesOfATiff) {
  const auto error = [](std::uint32_t tile, std::int64_t max_pixels) {
    return error_of([&] { decode_image(bytes_of(tiff_of_tiles(64, tile)), "tiles.tif", {max_pixels}); });
  };
  EXPECT_NE(error(65536, 100'000'000).find("tiles.tif: tiles of 4294967296 pixels in a picture of 64x64"),
            std::string::npos);
  // Blocks of 16 Mi pixels are no matter whatever the limit is; more are where it allows them.
  EXPECT_EQ(error(4096, 1 << 20).find("tiles of"), std::string::npos);
  EXPECT_NE(error(4112, 1 << 20).find("tiles of"), std::string::npos);
  EXPECT_EQ(error(4112, 1 << 25).find("tiles of"), std::string::npos);
}

TEST(DecodeLimits, AnimationsAreRefused) {
  std::string file = "RIFF" + std::string("\x16\0\0\0", 4) + "WEBPVP8X" + std::string("\x0a\0\0\0", 4);
  file += std::string("\x02\0\0\0\x0f\0\0\x0f\0\0", 10);
  EXPECT_NE(
      error_of([&] { decode_image(bytes_of(file), "moving.webp"); }).find("moving.webp: an animated WebP"),
      std::string::npos);
  file[20] = 0;  // the same without animation, and without a picture
  const std::string still = error_of([&] { decode_image(bytes_of(file), "still.webp"); });
  EXPECT_TRUE(still.starts_with("still.webp: ") && still.find("animated") == std::string::npos) << still;
}

TEST(DecodeLimits, APngBeginsWithItsHeader) {
  const std::string file = read_text_file(path_of("rgb.png"));
  const std::string text = std::string("\0\0\0\0tEXt", 8) + "\x96\x42\xc5\x85";  // an empty chunk
  const std::string later = file.substr(0, 8) + text + file.substr(8);
  for (const bool sandbox : {false, true})
    EXPECT_NE(error_of([&] {
                decode_image(bytes_of(later), "late.png", {.sandbox = sandbox});
              }).find("late.png: a PNG begins with its header (chunk IHDR), this one not"),
              std::string::npos);
}

TEST(Decode, TruncatedAndFlippedFilesNeverCrash) {
  testing::internal::CaptureStderr();
  for (const char* name : {"rgb.png", "palette4.png", "grey16.png", "rgb.bmp", "rgb.ppm", "rgb.tif",
                           "rgb.webp", "grey16.tif", "orientation6.png"}) {
    const std::string file = read_text_file(path_of(name));
    for (std::size_t size = 0; size < file.size(); ++size) {
      const std::string part = file.substr(0, size);
      for (const auto& decode : {std::function<void()>([&] { decode_image(bytes_of(part), "cut"); }),
                                 std::function<void()>([&] { decode_labels(bytes_of(part), "cut"); })}) {
        const std::string error = error_of(decode);
        EXPECT_TRUE(error.empty() || error.starts_with("cut: ")) << error;
      }
      std::string flipped = file;
      flipped[size] = static_cast<char>(flipped[size] ^ 0x5a);
      error_of([&] { decode_image(bytes_of(flipped), "flipped", {.max_pixels = 1 << 16}); });
      error_of([&] { decode_labels(bytes_of(flipped), "flipped", {.max_pixels = 1 << 16}); });
    }
    EXPECT_NE(error_of([&] { decode_image(bytes_of(file.substr(0, file.size() / 2)), "half"); }), "") << name;
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(Decode, TheSandboxChangesNothing) {
  for (const auto& entry : std::filesystem::directory_iterator(SAN_SOURCE_DIR "/tests/data/image")) {
    const std::filesystem::path& path = entry.path();
    if (path.extension() == ".py" || path.extension() == ".safetensors") continue;
    EXPECT_EQ(decode_image(path, {.sandbox = true}), decode_image(path)) << path;
    const auto labels = [&](bool sandbox) { return decode_labels(path, {.sandbox = sandbox}); };
    const std::string error = error_of([&] { labels(false); });
    EXPECT_EQ(error_of([&] { labels(true); }), error) << path;
    if (error.empty()) {
      EXPECT_EQ(labels(true), labels(false)) << path;
    }
    const std::string file = read_text_file(path);
    for (const std::size_t size : {file.size() / 3, file.size() - 3}) {
      const auto part = [&](bool sandbox) {
        return error_of([&] { decode_image(bytes_of(file.substr(0, size)), "cut", {.sandbox = sandbox}); });
      };
      EXPECT_EQ(part(true), part(false)) << path;
    }
  }
}

TEST(Decode, TruncatedJpegIsAnErrorNotGrey) {
  const std::string file = read_text_file(path_of("orientation6.jpg"));
  for (std::size_t size = 0; size < file.size(); ++size)
    EXPECT_NE(error_of([&] { decode_image(bytes_of(file.substr(0, size)), "cut"); }), "") << size;
}

}  // namespace
}  // namespace san
