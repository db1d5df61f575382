#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/dataset_spec.h"

namespace san {

struct Sample {
  std::string stem;
  std::filesystem::path image, label;
};

enum class ProblemKind {
  kImageWithoutLabel,
  kLabelWithoutImage,
  kDuplicateStem,
  kUnreadableImage,
  kUnreadableLabel,
  kWrongSize,
  kForeignLabelValue,
  kPredictionMissing,
  kUnreadablePrediction,
  kUnexpectedCount,
};
/// "label without image", ...
std::string_view problem_name(ProblemKind kind);

/// Something wrong with one file; the run goes on without it unless it is strict.
struct Problem {
  ProblemKind kind;
  std::filesystem::path path;
  std::string detail;

  friend auto operator<=>(const Problem&, const Problem&) = default;
};

/// Counts per kind, then up to `per_kind` files of each; empty for no problems.
std::string describe_problems(const std::vector<Problem>& problems, std::size_t per_kind = 10);

struct Dataset {
  DatasetSpec spec;
  std::string split;
  std::vector<Sample> samples;  ///< sorted by stem
  std::vector<Problem> problems;
};

/// Pairs images and labels as detectron2's load_sem_seg: flat listing, extension filter, sorted by stem,
/// intersection of the stems. Throws Error when a folder is missing or no pair remains. `root` empty: the
/// description's own root, else $DETECTRON2_DATASETS, else ./datasets.
Dataset open_dataset(DatasetSpec spec, const std::filesystem::path& root = {}, std::string_view split = {});

/// Files of a flat folder whose extension is one of `extensions` (any case), sorted by stem. The first
/// extension wins where several files share a stem; the others are reported.
std::vector<std::filesystem::path> list_files(const std::filesystem::path& folder,
                                              const std::vector<std::string>& extensions,
                                              std::vector<Problem>* problems = nullptr);

/// Shard "i/n", 1 ≤ i ≤ n: every n-th sample starting with the i-th.
struct Shard {
  int index = 1, count = 1;

  /// Throws Error for anything but "i/n".
  static Shard parse(const std::string& text);
  std::vector<Sample> select(const std::vector<Sample>& samples) const;
};

}  // namespace san
