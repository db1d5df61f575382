#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "san/colors.hpp"
#include "san/image.hpp"
#include "san/polygons.hpp"

namespace san::cli {

/// One labelled picture for the files that annotation tools read. Labels are indices into `classes`, which
/// has "other" at its end where the picture may hold it.
struct Annotated {
  const LabelMap& labels;
  std::filesystem::path image;  ///< as the user named it
  std::string name;             ///< stem of its result files
  std::int64_t number = 1;      ///< of the picture in its run, from 1
  std::span<const std::string> classes;
  std::span<const Rgb> colors;  ///< one per class
  double tolerance = 1;         ///< of polygons, pixels
};

/// Maps corners of pixels to the plane of a map: x' = a·x + b·y + c, y' = d·x + e·y + f.
struct MapPlane {
  std::array<double, 6> transform{1, 0, 0, 0, 1, 0};
  std::string crs;  ///< such as "urn:ogc:def:crs:EPSG::32633"; empty: unknown
};

// The formats, as docs/formats.md tells them: each returns the text of a file.

/// COCO of one picture; ids are those that the document of all pictures has.
std::string coco_document(const Annotated& picture);
/// A line for each region: class, then its outline in shares of width and height; holes are joined by cuts.
std::string yolo_lines(const Annotated& picture);
/// The names of the classes, for YOLO's data.yaml.
std::string yolo_names(std::span<const std::string> classes);
/// gtFine_polygons.json: outlines, to be painted in their order.
std::string cityscapes_polygons(const Annotated& picture);
/// `image`: the path that the file names, relative to its own folder.
std::string labelme_document(const Annotated& picture, const std::filesystem::path& image);
std::string datumaro_document(const Annotated& picture);
/// Coordinates are pixels, or those of `plane`.
std::string geojson_document(const Annotated& picture, const std::optional<MapPlane>& plane = {});
/// The features of one part of a picture, separated by commas: `origin` is its first corner.
std::string geojson_features(const LabelMap& labels, Corner origin, std::span<const std::string> classes,
                             std::span<const Rgb> colors, double tolerance,
                             const std::optional<MapPlane>& plane);
std::string geojson_head(double tolerance, const std::optional<MapPlane>& plane);
inline constexpr const char* kGeojsonEnd = "\n]}\n";

/// Formats whose readers want one document for all pictures: made of those of the single pictures, of which
/// one is in memory at a time. `each` calls what it is given with their paths, in order, whenever it is
/// called.
using EachDocument = std::function<void(const std::function<void(const std::filesystem::path&)>&)>;
void join_coco(const std::filesystem::path& result, const EachDocument& each);
void join_datumaro(const std::filesystem::path& result, const EachDocument& each);

}  // namespace san::cli
