#pragma once
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "image_inputs.h"
#include "san/san.hpp"

namespace san::cli {

/// What `san segment` writes for every picture, and where.
struct ResultOptions {
  std::filesystem::path folder;  ///< "-": the one file that is wanted goes to standard output
  std::set<std::string> save;
  std::string model;
  std::vector<Rgb> colors;           ///< one per class
  bool other = false;                ///< whether labels may be "other"
  bool plain_labels = false;         ///< label files in grey, without a palette
  double tolerance = 1;              ///< of polygons, pixels
  std::vector<std::string> classes;  ///< with "other" at the end where labels may be it
  bool quiet = true;                 ///< no progress bar over the tiles of a picture

  bool wants(const char* what) const { return save.contains(what); }
  bool to_standard_output() const { return folder == "-"; }
  /// Of `colors`, and of "other" where labels may be it.
  std::vector<Rgb> all_colors() const;
};

/// What --save takes.
std::vector<std::string> result_kinds();

/// Throws Error where what is wanted cannot hold so many classes, or is not one file that could go to
/// standard output.
void check_kinds(const ResultOptions& options);

/// Writes what is wanted of one picture, each file whole or not at all; returns their names relative to the
/// folder. `number`: of the picture in the run, from 0.
std::vector<std::string> save_results(const ResultOptions& options, const ImageInput& input,
                                      std::int64_t number, const Image& image, const Segmentation& result);

/// Whether a picture is labelled while it is read: a TIFF that is seen in tiles, of which nothing is wanted
/// that needs it whole.
bool is_read_by_parts(const ResultOptions& options, const ImageInput& input,
                      const SegmentationOptions& segmentation);

/// What became of such a picture: NAME.labels.tif and NAME.geojson, with its georeference.
struct LargeResult {
  int height = 0, width = 0;
  std::vector<std::string> files;
  std::vector<std::int64_t> areas;  ///< as in a Segmentation
};
LargeResult segment_by_parts(const ResultOptions& options, const ImageInput& input, Segmenter& segmenter,
                             const Vocabulary& words, const SegmentationOptions& segmentation);

/// Files that stand beside those of the single pictures: names of the classes for YOLO.
void save_class_files(const ResultOptions& options);
/// Documents of all pictures, made of those of the pictures that the manifest in the folder lists: COCO,
/// Datumaro.
void join_documents(const std::filesystem::path& folder);

/// One line about a picture: the largest classes and their shares. `areas`: pixels per class of `classes`.
std::string summary(std::span<const std::int64_t> areas, std::span<const std::string> classes);

}  // namespace san::cli
