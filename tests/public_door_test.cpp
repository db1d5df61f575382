// The command line is the first user of include/san: what it cannot do with it, nobody can.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <set>

#include "support/files.h"

namespace san::testing {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot = SAN_SOURCE_DIR;

/// Headers of this project that `file` reaches, as "src/…", "include/…" or "apps/…", and who includes them.
void follow(const fs::path& file, std::map<std::string, std::string>& found) {
  static const std::regex kInclude("^\\s*#\\s*include\\s*[<\"]([^>\"]+)[>\"]");
  for (const std::string& line : lines_of(read_file(kRoot / file))) {
    std::smatch match;
    if (!std::regex_search(line, match, kInclude)) continue;
    for (const fs::path& folder : {file.parent_path(), fs::path("src"), fs::path("include")}) {
      const fs::path header = (folder / match[1].str()).lexically_normal();
      if (!fs::is_regular_file(kRoot / header)) continue;
      if (found.emplace(header.string(), file.string()).second) follow(header, found);
      break;
    }
  }
}

TEST(PublicDoor, SegmentAndExplainAreWrittenOnTheLibraryAlone) {
  const std::set<std::string> allowed{
      "src/base/atomic_file.h", "src/base/error.h",    "src/base/folder.h",           "src/base/input_file.h",
      "src/base/log.h",         "src/base/progress.h", "src/program/common_options.h"};
  const auto is_allowed = [&](const std::string& header) {
    return allowed.contains(header) || header.starts_with("src/program/words/");
  };
  std::vector<std::string> sources{"apps/cli/segment.cpp",          "apps/cli/segment_results.cpp",
                                   "apps/cli/segment_by_parts.cpp", "apps/cli/annotation_formats.cpp",
                                   "apps/cli/explain.cpp",          "apps/cli/library_options.cpp"};
  for (const std::string& file : files_below(kRoot / "src/program/words"))
    sources.push_back("src/program/words/" + file);
  EXPECT_GT(sources.size(), 6u);
  for (const std::string& source : sources) {
    std::map<std::string, std::string> reached;
    follow(source, reached);
    EXPECT_TRUE(std::ranges::any_of(reached, [](const auto& header) {
      return header.first.starts_with("include/san/");
    })) << source;
    for (const auto& [header, by] : reached)
      EXPECT_TRUE(!header.starts_with("src/") || is_allowed(header)) << by << " includes " << header;
  }
}

// One program may hold both sides of the door: a type of the library that had a namesake inside would be two
// types of one name, which no linker reports.
TEST(PublicDoor, NoTypeInsideHasTheNameOfAPublicOne) {
  static const std::regex kType(
      R"(^(?:struct|class|enum class)(?: SAN_API)? (\w+)(?: final)?(?:\s*\{|\s*:[^:]|$))");
  const auto types = [](const fs::path& folder) {
    std::map<std::string, std::string> found;
    for (const std::string& file : files_below(kRoot / folder)) {
      if (!file.ends_with(".h") && !file.ends_with(".hpp")) continue;
      for (const std::string& line : lines_of(read_file(kRoot / folder / file))) {
        std::smatch match;
        if (std::regex_search(line, match, kType)) found[match[1]] = (folder / file).string();
      }
    }
    return found;
  };
  const auto open = types("include/san"), inside = types("src");
  EXPECT_TRUE(open.contains("Segmentation"));
  for (const auto& [name, file] : inside)
    if (!file.starts_with("src/train/")) {  // members of a class there
      EXPECT_FALSE(open.contains(name))
          << file << ": " << name << " is defined in " << open.at(name) << " too";
    }
}

}  // namespace
}  // namespace san::testing
