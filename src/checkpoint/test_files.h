#pragma once
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tensor/shape.h"

/// Where tests find their files.
namespace san::test {

inline std::filesystem::path data(const std::string& name) {
  return std::filesystem::path(SAN_SOURCE_DIR) / "tests/data/checkpoint" / name;
}

/// A large golden file that the repository does not carry: under $SAN_GOLDEN_DIR, or beside the checkout. May
/// not exist.
inline std::filesystem::path golden(const std::string& name) {
  const char* dir = std::getenv("SAN_GOLDEN_DIR");
  const std::filesystem::path root =
      dir ? std::filesystem::path(dir) : std::filesystem::path(SAN_SOURCE_DIR) / "../shared/golden";
  const auto open = root / "open" / name;
  return std::filesystem::exists(open) ? open : root / name;
}

/// A fresh path in the temporary folder.
inline std::filesystem::path scratch(const std::string& name) {
  const auto path = std::filesystem::path(std::getenv("TMPDIR") ? std::getenv("TMPDIR") : "/tmp") /
                    ("san_checkpoint_" + std::to_string(::getpid()) + "_" + name);
  std::filesystem::remove_all(path);
  return path;
}

/// Rows of a tab-separated table without its heading and its '#' lines.
inline std::vector<std::vector<std::string>> read_tsv(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::vector<std::vector<std::string>> rows;
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    if (line.empty() || line[0] == '#') continue;
    std::vector<std::string> cells(1);
    for (const char c : line) {
      if (c == '\t')
        cells.emplace_back();
      else
        cells.back() += c;
    }
    rows.push_back(std::move(cells));
  }
  return rows;
}

/// "77x32", or "scalar".
inline Shape parse_shape(const std::string& text) {
  std::vector<std::int64_t> extents;
  std::istringstream in(text == "scalar" ? "" : text);
  for (std::string extent; std::getline(in, extent, 'x');) extents.push_back(std::stoll(extent));
  return Shape(extents);
}

}  // namespace san::test

#define SAN_REQUIRE_GOLDEN(path)      \
  if (!std::filesystem::exists(path)) \
  GTEST_SKIP() << "SKIPPED, NOT TESTED: golden file " << (path) << " is absent; set SAN_GOLDEN_DIR"
