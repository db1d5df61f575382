#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/class_names.h"

namespace san {

/// Where one split of a dataset lies, relative to the root folder.
struct DatasetSplit {
  std::filesystem::path images, labels;
  std::optional<std::int64_t> expected_samples;  ///< how many the published numbers were measured on
};

/// A dataset as data: configs/datasets/*.yaml describe these fields one by one (docs/evaluation.md).
struct DatasetSpec {
  std::string name, title;
  std::vector<std::string> classes;                  ///< labels; index = value in label files
  std::map<int, std::vector<std::string>> synonyms;  ///< further names, of the classes that have them
  std::vector<std::int64_t>
      category_ids;                   ///< per class, as result files name it; the index unless registered
  std::vector<std::int64_t> raw_ids;  ///< per class, its value in the raw download; empty: not convertible
  int ignore = 255;
  std::vector<std::string> image_extensions{"jpg", "jpeg", "png"}, label_extensions{"png", "tif", "tiff"};
  std::map<std::string, DatasetSplit> splits;
  std::string default_split;
  bool images_without_label_expected = false;
  int short_side = 640, max_side = 2560;
  std::filesystem::path root;  ///< set where the description itself fixes it (FOLDER datasets)

  int class_count() const { return static_cast<int>(classes.size()); }
  void set_classes(const std::vector<ClassName>& list);
  /// The classes with all their names, to be embedded.
  std::vector<ClassName> vocabulary() const;
  /// The named split, or the default one for an empty name; throws Error listing the splits there are.
  const DatasetSplit& split(std::string_view split_name) const;
};

/// Names of the datasets that are built in, sorted.
std::vector<std::string> shipped_datasets();

/// A built-in name, a description file (*.yaml) or a FOLDER: one with dataset.yaml, or with images/, labels/
/// and classes.txt (a class list; 255 is ignored in 8-bit and 65535 in 16-bit use). Throws Error saying what
/// was tried.
DatasetSpec load_dataset_spec(const std::string& name_or_path);

/// A dataset given by its parts: a folder of images, one of labels, classes in the order of label values.
DatasetSpec describe_folders(const std::filesystem::path& images, const std::filesystem::path& labels,
                             const std::vector<ClassName>& classes);
DatasetSpec describe_folders(const std::filesystem::path& images, const std::filesystem::path& labels,
                             const std::filesystem::path& classes_file);

/// Parses a description of at most 4 MiB (as a file) and the limits of parse_bounded_yaml(); `where` names it
/// in errors, `folder` resolves a classes_file.
DatasetSpec parse_dataset_spec(std::string_view yaml, const std::string& where,
                               const std::filesystem::path& folder);

/// Indices of the dataset's classes that a class file names, by any of their names. Throws Error listing the
/// names that are not classes.
std::vector<int> read_class_subset(const std::filesystem::path& file, const DatasetSpec& spec);

}  // namespace san
