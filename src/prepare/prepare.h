#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "san/codec.hpp"

namespace san {

struct PrepareOptions {
  std::string dataset;           ///< one of shipped_datasets()
  std::filesystem::path source;  ///< the unpacked raw downloads (docs/evaluation.md says where they may lie)
  std::filesystem::path output;  ///< the data root that evaluation and training read
  std::vector<std::string> splits{};  ///< empty: every split of which the raw files are there
  bool copy_images = false;           ///< copy pictures instead of linking to them
  int threads = 0;                    ///< 0: one per processor
  DecodeOptions decode{};             ///< of pictures and labels
  bool quiet = false;
  const std::atomic<bool>* cancelled = nullptr;  ///< ends it before the next sample
};

struct SplitCounts {
  std::int64_t found = 0;       ///< raw samples
  std::int64_t written = 0;     ///< converted by this run
  std::int64_t kept = 0;        ///< were there already
  std::int64_t unlabelled = 0;  ///< left out: no pixel of any class
  std::int64_t failed = 0;      ///< see PrepareSummary::problems
};

struct PrepareSummary {
  std::map<std::string, SplitCounts> splits;
  std::map<int, std::int64_t>
      unexpected_values;           ///< raw label values no rule names → labels that hold them; ignored
  std::vector<std::string> notes;  ///< choices made where the raw files leave one
  std::vector<Problem> problems;   ///< sorted

  /// All of the above for people, several lines.
  std::string text() const;
};

/// Converts a raw download into the layout the dataset's description names. What exists already is kept
/// (files appear only whole), so an interrupted run continues where it stopped. Files that cannot be
/// converted are listed, the rest goes on. Throws Error when the raw files are not found, naming the places
/// looked at, and Cancelled. Limits: those of `decode` for pictures, label files and MAT files; 64 MiB for a
/// list of pictures, 4 GiB for Pascal Context's JSON, there masks that cover a picture 64 times over.
PrepareSummary prepare_dataset(const PrepareOptions& options);

}  // namespace san
