#include <algorithm>
#include <optional>

#include "annotation_formats.h"
#include "base/error.h"
#include "base/progress.h"
#include "san/tiff.hpp"
#include "segment_results.h"
#include "whole_file.h"

namespace san::cli {
namespace {

namespace fs = std::filesystem;

/// GeoJSON of one band of rows after the other: regions end at the edges of bands.
class PolygonFile {
 public:
  PolygonFile(const fs::path& path, const ResultOptions& options, const Georeference& geo)
      : options_(options), colors_(options.all_colors()), file_(path) {
    if (geo.transform) plane_ = MapPlane{*geo.transform, geo.crs};
    file_.write(geojson_head(options.tolerance, plane_));
  }

  void add(int y, const LabelMap& rows) {
    const std::string features =
        geojson_features(rows, {0, y}, options_.classes, colors_, options_.tolerance, plane_);
    if (features.empty()) return;
    file_.write(any_ ? ",\n" : "");
    file_.write(features);
    any_ = true;
  }
  void finish() {
    file_.write(kGeojsonEnd);
    file_.finish();
  }

 private:
  const ResultOptions& options_;
  std::vector<Rgb> colors_;
  std::optional<MapPlane> plane_;
  WholeFile file_;
  bool any_ = false;
};

}  // namespace

bool is_read_by_parts(const ResultOptions& options, const ImageInput& input,
                      const SegmentationOptions& segmentation) {
  return segmentation.tile > 0 && !options.to_standard_output() && !input.from_standard_input() &&
         std::ranges::all_of(options.save,
                             [](const std::string& s) { return s == "labels" || s == "geojson"; }) &&
         TiffPicture::is_tiff(input.path);
}

LargeResult segment_by_parts(const ResultOptions& options, const ImageInput& input, Segmenter& segmenter,
                             const Vocabulary& words, const SegmentationOptions& segmentation) {
  TiffPicture picture(input.path);
  LargeResult result{
      picture.height(), picture.width(), {}, std::vector<std::int64_t>(words.classes().size() + 1)};
  const auto file = [&](const char* suffix) {
    result.files.push_back(input.stem + suffix);
    const fs::path path = options.folder / result.files.back();
    std::error_code error;
    fs::create_directories(path.parent_path(), error);
    return path;
  };
  std::optional<LabelTiff> labels;
  std::optional<PolygonFile> polygons;
  if (options.wants("labels")) {
    std::vector<Rgb> palette = options.all_colors();
    if (palette.size() > 256 || options.plain_labels) palette.clear();
    labels.emplace(file(".labels.tif"), result.height, result.width, static_cast<int>(options.classes.size()),
                   palette, picture.georeference());
  }
  if (options.wants("geojson")) polygons.emplace(file(".geojson"), options, picture.georeference());
  SegmentationOptions watched = segmentation;
  std::optional<Progress> bar;
  watched.watch.progress = [&](std::int64_t, std::int64_t tiles) {
    if (!bar) bar.emplace("segmenting tiles", tiles, options.quiet);
    bar->advance();
  };
  segmenter.segment_tiles(picture.parts(), words, watched, [&](LabelRows& rows) {
    if (labels) labels->add(rows.labels);
    if (polygons) polygons->add(rows.y, rows.labels);
    for (std::size_t k = 0; k < rows.areas.size(); ++k) result.areas[k] += rows.areas[k];
  });
  if (labels) labels->finish();
  if (polygons) polygons->finish();
  return result;
}

}  // namespace san::cli
