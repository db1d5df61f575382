#include "image/tiff/tiff_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tiffio.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "image/codec/decode.h"
#include "san/tiff.hpp"

namespace san {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class Tiff : public ::testing::Test {
 protected:
  Tiff() : folder_(fs::path(::testing::TempDir()) / ("tiff-" + std::to_string(::getpid()))) {
    fs::create_directories(folder_);
  }
  ~Tiff() override { fs::remove_all(folder_); }

  static std::uint8_t value(int y, int x, int c) {
    return static_cast<std::uint8_t>(x * 7 + y * 3 + c * 50 + x * y / 5);
  }

  struct Form {
    int samples = 3, bits = 8, tile = 0, strip = 7, compression = COMPRESSION_ADOBE_DEFLATE,
        planar = PLANARCONFIG_CONTIG;
    bool big = false, geo = false;
  };

  fs::path write(const char* name, int height, int width, const Form& form) const {
    const fs::path path = folder_ / name;
    TIFF* t = TIFFOpen(path.c_str(), form.big ? "w8" : "w");
    if (form.geo) declare(t);
    TIFFSetField(t, TIFFTAG_IMAGEWIDTH, width);
    TIFFSetField(t, TIFFTAG_IMAGELENGTH, height);
    TIFFSetField(t, TIFFTAG_SAMPLESPERPIXEL, form.samples);
    TIFFSetField(t, TIFFTAG_BITSPERSAMPLE, form.bits);
    TIFFSetField(t, TIFFTAG_PHOTOMETRIC, form.samples >= 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK);
    TIFFSetField(t, TIFFTAG_PLANARCONFIG, form.planar);
    TIFFSetField(t, TIFFTAG_COMPRESSION, form.compression);
    if (form.samples == 4) {
      const std::uint16_t extra = EXTRASAMPLE_UNSPECIFIED;
      TIFFSetField(t, TIFFTAG_EXTRASAMPLES, 1, &extra);
    }
    if (form.geo) {
      const double scale[3] = {2, 2.5, 0}, tie[6] = {0, 0, 0, 1000, 5000, 0};
      const std::uint16_t keys[12] = {1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 32633};
      TIFFSetField(t, 33550, 3, scale);
      TIFFSetField(t, 33922, 6, tie);
      TIFFSetField(t, 34735, 12, keys);
      TIFFSetField(t, 34737, "UTM 33|");
    }
    const std::size_t bytes = static_cast<std::size_t>(form.bits / 8);
    const int planes = form.planar == PLANARCONFIG_SEPARATE ? form.samples : 1;
    const auto fill = [&](int y0, int x0, int h, int w, int plane) {
      std::vector<std::uint8_t> block;
      for (int y = y0; y < y0 + h; ++y)
        for (int x = x0; x < x0 + w; ++x)
          for (int c = 0; c < form.samples / planes; ++c)
            for (std::size_t b = 0; b < bytes; ++b) block.push_back(value(y, x, c + plane));
      return block;
    };
    if (form.tile > 0) {
      TIFFSetField(t, TIFFTAG_TILEWIDTH, form.tile);
      TIFFSetField(t, TIFFTAG_TILELENGTH, form.tile);
      for (int p = 0; p < planes; ++p)
        for (int y = 0; y < height; y += form.tile)
          for (int x = 0; x < width; x += form.tile) {
            auto block = fill(y, x, form.tile, form.tile, p);
            TIFFWriteTile(t, block.data(), static_cast<std::uint32_t>(x), static_cast<std::uint32_t>(y), 0,
                          static_cast<std::uint16_t>(p));
          }
    } else {
      TIFFSetField(t, TIFFTAG_ROWSPERSTRIP, form.strip);
      for (int p = 0; p < planes; ++p)
        for (int y = 0; y < height; ++y) {
          auto row = fill(y, 0, 1, width, p);
          TIFFWriteScanline(t, row.data(), static_cast<std::uint32_t>(y), static_cast<std::uint16_t>(p));
        }
    }
    TIFFClose(t);
    return path;
  }

  static void declare(TIFF* t) {
    static char name[] = "geo";
    const TIFFFieldInfo fields[] = {{33550, -1, -1, TIFF_DOUBLE, FIELD_CUSTOM, 1, 1, name},
                                    {33922, -1, -1, TIFF_DOUBLE, FIELD_CUSTOM, 1, 1, name},
                                    {34735, -1, -1, TIFF_SHORT, FIELD_CUSTOM, 1, 1, name},
                                    {34737, -1, -1, TIFF_ASCII, FIELD_CUSTOM, 1, 0, name}};
    TIFFMergeFieldInfo(t, fields, 4);
  }

  fs::path folder_;
};

TEST_F(Tiff, RowsOfEveryLayout) {
  int number = 0;
  for (const Form& form :
       {Form{}, Form{.tile = 16}, Form{.samples = 1}, Form{.samples = 1, .bits = 16}, Form{.bits = 16},
        Form{.samples = 4, .tile = 16}, Form{.compression = COMPRESSION_LZW, .planar = PLANARCONFIG_SEPARATE},
        Form{.tile = 32, .planar = PLANARCONFIG_SEPARATE}, Form{.tile = 16, .big = true}}) {
    SCOPED_TRACE(number);
    const fs::path path = write(("layout" + std::to_string(number++) + ".tif").c_str(), 61, 83, form);
    EXPECT_TRUE(TiffPicture::is_tiff(path));
    TiffPicture picture(path);
    ASSERT_EQ(picture.height(), 61);
    ASSERT_EQ(picture.width(), 83);
    EXPECT_TRUE(picture.georeference().tags.empty());
    EXPECT_FALSE(picture.georeference().transform.has_value());
    Image rows;
    for (const auto& [first, count] : {std::pair{0, 61}, {5, 20}, {60, 1}, {15, 2}, {16, 16}}) {
      picture.read(first, count, rows);
      ASSERT_EQ(rows.height, count);
      ASSERT_EQ(rows.width, 83);
      for (int y = 0; y < count; ++y)
        for (int x = 0; x < 83; ++x)
          for (int c = 0; c < 3; ++c)
            // 16 bit: both bytes are the same, so that scaling to 8 gives the byte.
            ASSERT_EQ(rows.row(y)[3 * x + c], value(first + y, x, form.samples == 1 ? 0 : c))
                << first + y << ", " << x << ", " << c;
    }
    EXPECT_THROW(picture.read(60, 2, rows), Error);
    EXPECT_THROW(picture.read(-1, 2, rows), Error);
    EXPECT_NO_THROW(picture.read(0, 2, rows)) << "a refusal does not end the helper";
  }
}

TEST_F(Tiff, SixteenBitGreyTilesThatTheEdgeCutsAreRefused) {
  const fs::path path = write("cut.tif", 61, 83, {.samples = 1, .bits = 16, .tile = 32});
  EXPECT_THROW(TiffPicture picture(path), Error);
}

TEST_F(Tiff, PartsAreCutOutOfRowsThatAreReadOnce) {
  TiffPicture picture(write("parts.tif", 100, 90, {.tile = 16}));
  const PictureParts parts = picture.parts();
  EXPECT_EQ(parts.height, 100);
  EXPECT_EQ(parts.width, 90);
  Image into;
  for (const auto& [y, x] :
       {std::pair{0, 0}, {0, 50}, {30, 0}, {30, 50}, {60, 50}, {0, 0}, {60, 20}, {5, 5}}) {
    parts.read(y, x, 40, 40, into);
    ASSERT_EQ(into.height, 40);
    ASSERT_EQ(into.width, 40);
    for (int r = 0; r < 40; ++r)
      for (int c = 0; c < 40; ++c)
        ASSERT_EQ(into.row(r)[3 * c + 1], value(y + r, x + c, 1)) << y << ", " << x;
  }
}

TEST_F(Tiff, LabelsComeBackWithTheirGeoreference) {
  const TiffPicture source(write("geo.tif", 40, 30, {.geo = true}));
  const Georeference& geo = source.georeference();
  ASSERT_EQ(geo.tags.size(), 4u);
  ASSERT_TRUE(geo.transform.has_value());
  EXPECT_EQ(*geo.transform, (std::array<double, 6>{2, 0, 1000, 0, -2.5, 5000}));
  EXPECT_EQ(geo.crs, "urn:ogc:def:crs:EPSG::32633");

  for (const int classes : {7, 256, 300, 70'000}) {
    SCOPED_TRACE(classes);
    LabelMap map(200, 30);
    for (std::size_t i = 0; i < map.labels.size(); ++i)
      map.labels[i] = static_cast<Label>(i * i / 7 % static_cast<std::size_t>(classes));
    std::vector<Rgb> palette;
    if (classes == 7)
      for (int k = 0; k < classes; ++k)
        palette.push_back({static_cast<std::uint8_t>(30 * k), 5, static_cast<std::uint8_t>(200 - k)});
    const fs::path path = folder_ / "labels.tif";
    {
      LabelTiff file(path, 200, 30, classes, palette, geo);
      for (int y = 0; y < 200;) {  // bands of any height
        LabelMap band(std::min(200 - y, 13 + y / 2), 30);
        std::copy_n(map.row(y), band.labels.size(), band.labels.begin());
        file.add(band);
        y += band.height;
      }
      if (classes == 7) {
        EXPECT_FALSE(fs::exists(path)) << "it appears when it is whole";
      }
      file.finish();
    }
    EXPECT_FALSE(fs::exists(path.string() + ".part"));
    TIFF* t = TIFFOpen(path.c_str(), "r");
    ASSERT_NE(t, nullptr);
    std::uint16_t bits = 0, photometric = 0;
    TIFFGetField(t, TIFFTAG_BITSPERSAMPLE, &bits);
    TIFFGetField(t, TIFFTAG_PHOTOMETRIC, &photometric);
    EXPECT_EQ(bits, classes > 65536 ? 32 : classes > 256 ? 16 : 8);
    EXPECT_EQ(photometric, palette.empty() ? PHOTOMETRIC_MINISBLACK : PHOTOMETRIC_PALETTE);
    if (!palette.empty()) {
      std::uint16_t *r = nullptr, *g = nullptr, *b = nullptr;
      ASSERT_EQ(TIFFGetField(t, TIFFTAG_COLORMAP, &r, &g, &b), 1);
      for (std::size_t k = 0; k < palette.size(); ++k)
        EXPECT_EQ((Rgb{static_cast<std::uint8_t>(r[k] >> 8), static_cast<std::uint8_t>(g[k] >> 8),
                       static_cast<std::uint8_t>(b[k] >> 8)}),
                  palette[k]);
    }
    std::vector<std::uint8_t> row(120);
    for (int y = 0; y < 200; ++y) {
      ASSERT_EQ(TIFFReadScanline(t, row.data(), static_cast<std::uint32_t>(y), 0), 1);
      for (int x = 0; x < 30; ++x) {
        Label value = 0;
        for (std::size_t b = 0; b < bits / 8u; ++b)
          value |= Label{row[bits / 8u * static_cast<std::size_t>(x) + b]} << 8 * b;
        ASSERT_EQ(value, map.row(y)[x]);
      }
    }
    TIFFClose(t);
    if (bits == 32) {
      EXPECT_GT(std::ranges::max(map.labels), 65535u);
      EXPECT_THROW(decode_labels(path), Error) << "labels of files have at most 16 bits";
      continue;
    }
    const TiffPicture again(path);
    ASSERT_EQ(again.georeference().tags.size(), geo.tags.size());
    for (std::size_t i = 0; i < geo.tags.size(); ++i) {
      EXPECT_EQ(again.georeference().tags[i].tag, geo.tags[i].tag);
      EXPECT_EQ(again.georeference().tags[i].values, geo.tags[i].values);
    }
    if (palette.empty()) {
      EXPECT_EQ(decode_labels(path), map) << "OpenCV reads it too";
    }
  }
}

TEST_F(Tiff, LabelFilesThatWereNotFinishedAreNotThere) {
  const fs::path path = folder_ / "unfinished.tif";
  {
    LabelTiff file(path, 10, 10, 3);
    file.add(LabelMap(4, 10));
    EXPECT_THROW(file.finish(), Error);
    EXPECT_THROW(file.add(LabelMap(7, 10)), Error);
    EXPECT_THROW(file.add(LabelMap(2, 11)), Error);
    EXPECT_THROW(file.add(LabelMap(2, 10, 3)), Error);
  }
  EXPECT_TRUE(fs::is_empty(folder_));
  EXPECT_THROW(LabelTiff(folder_ / "none" / "x.tif", 10, 10, 3), Error);
  EXPECT_THROW(LabelTiff(path, 0, 10, 3), Error);
}

TEST_F(Tiff, BigTiffsToo) {
  const fs::path path = folder_ / "big.tif";
  LabelMap map(150, 33);
  for (std::size_t i = 0; i < map.labels.size(); ++i) map.labels[i] = static_cast<Label>(i % 5);
  const TiffPicture source(write("geo.tif", 40, 30, {.geo = true}));
  LabelTiff file(path, 150, 33, 5, {}, source.georeference(), true);
  file.add(map);
  file.finish();
  std::ifstream start(path, std::ios::binary);
  char head[4] = {};
  start.read(head, 4);
  EXPECT_EQ(std::string_view(head, 4), std::string_view("II+\0", 4));
  TiffPicture picture(path);
  EXPECT_EQ(picture.georeference().transform, source.georeference().transform);
  Image rows;
  picture.read(0, 150, rows);
  for (std::size_t i = 0; i < map.labels.size(); ++i) ASSERT_EQ(rows.rgb[3 * i], map.labels[i]);
}

TEST_F(Tiff, DamagedAndForeignFilesAreErrorsThatNameTheFile) {
  const auto expect = [](const fs::path& path, const std::string& words) {
    try {
      TiffPicture picture(path);
      Image rows;
      picture.read(0, picture.height(), rows);
      ADD_FAILURE() << path << " was read";
    } catch (const Error& e) {
      EXPECT_THAT(e.what(), HasSubstr(path.string()));
      EXPECT_THAT(e.what(), HasSubstr(words));
    }
  };
  const fs::path whole = write("whole.tif", 61, 83, {.tile = 16});
  std::ifstream file(whole, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  const auto save = [&](const char* name, std::string content) {
    std::ofstream(folder_ / name, std::ios::binary) << content;
    return folder_ / name;
  };
  expect(save("cut.tif", bytes.substr(0, bytes.size() / 2)), "");
  expect(save("text.tif", "no picture at all"), "not a TIFF");
  expect(save("empty.tif", ""), "empty");
  expect(folder_ / "none.tif", "cannot be opened");
  expect(folder_, "not a file");
  EXPECT_FALSE(TiffPicture::is_tiff(folder_ / "text.tif"));
  EXPECT_FALSE(TiffPicture::is_tiff(folder_ / "none.tif"));
  for (std::size_t at = 8; at < bytes.size();
       at += 97) {  // what is damaged is refused or read, and ends nothing else
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x5a);
    const fs::path path = save("damaged.tif", damaged);
    try {
      TiffPicture picture(path);
      Image rows;
      picture.read(0, std::min(picture.height(), 64), rows);
    } catch (const Error& e) {
      EXPECT_THAT(e.what(), HasSubstr("damaged.tif"));
    }
  }
}

}  // namespace
}  // namespace san
