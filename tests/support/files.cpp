#include "files.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>

namespace san::testing {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path.string());
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

void write_file(const fs::path& path, std::string_view content) {
  std::ofstream out(path, std::ios::binary);
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
  if (!out) throw std::runtime_error("cannot write " + path.string());
}

std::vector<std::string> files_below(const fs::path& folder) {
  std::vector<std::string> found;
  if (!fs::exists(folder)) return found;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) found.push_back(entry.path().lexically_relative(folder).string());
  std::ranges::sort(found);
  return found;
}

std::vector<std::string> project_files() {
  static const std::set<std::string> kText{".cpp", ".h",  ".hpp", ".c",    ".txt", ".cmake",
                                           ".sh",  ".py", ".md",  ".yaml", ".json"};
  const fs::path root = SAN_SOURCE_DIR;
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(root))
    if (entry.is_regular_file()) found.push_back(entry.path().filename().string());
  for (const char* folder :
       {"src", "apps", "include", "tests", "tools", "docs", "cmake", "configs", "models", ".ci"})
    for (const std::string& file : files_below(root / folder)) {
      const std::string path = std::string(folder) + "/" + file;
      const bool data = path.starts_with("tests/data/");
      if (!data && (kText.contains(fs::path(path).extension().string()) || path == ".ci/run"))
        found.push_back(path);
    }
  std::ranges::sort(found);
  return found;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  std::istringstream in{std::string(text)};
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::optional<fs::path> golden_file(const std::string& name) {
  const char* named = std::getenv("SAN_GOLDEN_DIR");
  const fs::path root = named != nullptr ? fs::path(named) : fs::path(SAN_SOURCE_DIR) / "../shared/golden";
  for (const fs::path& path : {root / "open" / name, root / name})
    if (fs::exists(path)) return fs::canonical(path);
  return std::nullopt;
}

}  // namespace san::testing
