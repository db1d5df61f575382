#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "san/codec.hpp"
#include "san/colors.hpp"
#include "san/error.hpp"
#include "san/image.hpp"
#include "san/tiles.hpp"

namespace san {

/// Where on Earth a picture lies, as GeoTIFF says it.
struct Georeference {
  struct Tag {
    std::uint16_t tag = 0, type = 0;  ///< of TIFF
    std::uint32_t count = 0;
    std::vector<std::byte> values;
  };
  std::vector<Tag> tags;  ///< as in the file
  /// From corners of pixels to the map: X = t[0]·x + t[1]·y + t[2], Y = t[3]·x + t[4]·y + t[5]. Nothing where
  /// the file has control points instead.
  std::optional<std::array<double, 6>> transform;
  std::string crs;  ///< "urn:ogc:def:crs:EPSG::32633"; empty where the file names no EPSG code
};

/// A TIFF or BigTIFF of any size, read some rows at a time by a helper process without rights. Grey, palette,
/// RGB and YCbCr of 8 bit; 16 bit scaled to 8; of more than three channels the first. The first picture of
/// the file; orientation is not applied. One thread at a time.
class SAN_API TiffPicture {
 public:
  /// Whether the file begins as a TIFF does. False for what cannot be opened.
  static bool is_tiff(const std::filesystem::path& path);

  /// Throws Error naming the file.
  explicit TiffPicture(const std::filesystem::path& path);
  ~TiffPicture();
  TiffPicture(TiffPicture&&) noexcept;
  TiffPicture& operator=(TiffPicture&&) noexcept;

  int height() const;
  int width() const;
  const Georeference& georeference() const;
  /// Rows [row, row + rows). Throws Error on rows outside and on damaged data.
  void read(int row, int rows, Image& into);
  /// For Segmenter::segment_tiles(); keeps the rows of one row of tiles. Lives no longer than this object.
  PictureParts parts();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Writes a label map of any size as a TIFF in compressed strips (BigTIFF where 4 GiB might not do), from top
/// to bottom; the file appears when it is whole. 8 bit a pixel, 16 where there are more than 256 classes, 32
/// above 65,536.
class SAN_API LabelTiff {
 public:
  /// `classes`: labels are below it. `palette`: colours of the labels, or none for plain grey; with 8
  /// bit alone. Throws Error naming the file.
  LabelTiff(const std::filesystem::path& path, int height, int width, int classes,
            std::span<const Rgb> palette = {}, const Georeference& georeference = {}, bool big_tiff = false);
  ~LabelTiff();
  LabelTiff(LabelTiff&&) noexcept;
  LabelTiff& operator=(LabelTiff&&) noexcept;

  /// The next rows, in the picture's width. Throws Error on other widths, on too many rows and on other
  /// labels.
  void add(const LabelMap& rows);
  /// Throws Error unless all rows are there.
  void finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace san
