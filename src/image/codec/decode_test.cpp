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
    for (int x = 0; x < 5; ++x) map.row(y)[x] = static_cast<std::uint16_t>((3 * y + x) * factor);
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
