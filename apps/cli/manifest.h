#pragma once
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

namespace san::cli {

/// What became of one picture: a line of a manifest.
struct ManifestRow {
  std::int64_t number = 0;  ///< of the picture in the whole collection, from 0
  std::string input;
  std::string error;  ///< empty: it was labelled
  int height = 0, width = 0;
  std::vector<std::string> files;                           ///< relative to the manifest's folder
  std::vector<std::pair<std::string, std::int64_t>> areas;  ///< pixels of the classes that were found
};

/// manifest.jsonl, or manifest-I-of-N.jsonl of a part: first what was asked for, a JSON object, then a line
/// for each picture. Lines are only ever added, each at once: whatever ends the program, what was noted
/// stays.
class Manifest {
 public:
  static std::filesystem::path path_of(const std::filesystem::path& folder, int part = 1, int parts = 1);

  /// Begins a manifest, or with `resume` goes on with the one that is there. `settings` (the text of a JSON
  /// object) is what decides about results. Throws Error when the one that is there was made with others, and
  /// when it cannot be read or written.
  Manifest(const std::filesystem::path& folder, const std::string& settings, int part, int parts,
           bool resume);

  /// Whether an earlier run labelled it. Four bytes are kept for every picture.
  bool done(std::int64_t number, const std::string& input) const;
  void add(const ManifestRow& row);
  /// Notes that there was nothing more to do; what was resumed is put in order, one line a picture.
  void finish();

 private:
  bool read_earlier(const std::string& head);

  std::filesystem::path path_;
  int parts_;
  bool resumed_ = false;
  std::vector<std::uint32_t> done_;  ///< by number within this part: a hash of the input, or 0
  std::ofstream file_;
};

struct ManifestSummary {
  std::int64_t done = 0, failed = 0;
};

/// Goes through a manifest in the order of the pictures' numbers, with the last that was noted of each.
/// Throws Error with file and line.
ManifestSummary for_each_row(const std::filesystem::path& manifest,
                             const std::function<void(const ManifestRow&)>& row);

/// Makes one manifest of those of all parts: the one that a single run over everything writes. `folders` hold
/// them, several parts or one each; where the results lie in another folder than `result`, their paths lead
/// there. Throws Error when parts are missing, repeated, or were made with different settings.
ManifestSummary merge_manifests(const std::vector<std::filesystem::path>& folders,
                                const std::filesystem::path& result);

}  // namespace san::cli
