// What holds for every file of the project, and what documents may say.
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <set>

#include "support/files.h"
#include "support/markdown.h"

namespace san::testing {
namespace {

namespace fs = std::filesystem;

bool is_source(const std::string& file) {
  return file.ends_with(".cpp") || file.ends_with(".h") || file.ends_with(".hpp") || file.ends_with(".c");
}

TEST(Tree, SourcesAreShort) {
  constexpr std::size_t kMaxLines = 500, kMaxMedian = 150;
  std::vector<std::size_t> lengths;
  for (const std::string& file : project_files()) {
    if (!is_source(file)) continue;
    lengths.push_back(lines_of(read_file(fs::path(SAN_SOURCE_DIR) / file)).size());
    EXPECT_LE(lengths.back(), kMaxLines) << file;
  }
  ASSERT_GT(lengths.size(), 100u);
  std::ranges::nth_element(lengths, lengths.begin() + static_cast<std::ptrdiff_t>(lengths.size() / 2));
  EXPECT_LE(lengths[lengths.size() / 2], kMaxMedian);
}

// Words are put together here, or this file would find itself.
TEST(Tree, FilesSpeakOfTheProjectAloneAndLeaveNothingUndone) {
  const std::regex unwanted(std::string(R"(\bTO)") + R"(DO\b|\bFIX)" + R"(ME\b|(^|[^\w.])/wo)" +
                            R"(rk/|\b(issue|session|helper) #?\d)");
  for (const std::string& file : project_files()) {
    int number = 0;
    for (const std::string& line : lines_of(read_file(fs::path(SAN_SOURCE_DIR) / file))) {
      ++number;
      EXPECT_FALSE(std::regex_search(line, unwanted)) << file << ":" << number << ": " << line;
    }
  }
}

TEST(Documents, MentionedPathsExist) {
  int documents = 0;
  for (const std::string& file : project_files()) {
    if (!file.ends_with(".md")) continue;
    ++documents;
    for (const Mention& mention : mentioned_paths(read_file(fs::path(SAN_SOURCE_DIR) / file), file))
      EXPECT_TRUE(path_exists(SAN_SOURCE_DIR, mention.path))
          << file << ":" << mention.line << ": " << mention.path;
  }
  EXPECT_GT(documents, 1);
}

TEST(Documents, TheIndexListsEveryPage) {
  std::set<std::string> listed;
  for (const Mention& mention :
       mentioned_paths(read_file(fs::path(SAN_SOURCE_DIR) / "docs/README.md"), "docs/README.md"))
    listed.insert(mention.path);
  int pages = 0;
  for (const std::string& file : project_files()) {
    if (!file.starts_with("docs/") || !file.ends_with(".md") || file == "docs/README.md") continue;
    ++pages;
    EXPECT_TRUE(listed.contains(file)) << "docs/README.md does not list " << file;
  }
  EXPECT_GT(pages, 5);
}

TEST(Markdown, PathsAreFoundInCodeAndLinks) {
  const auto found = mentioned_paths(
      "See `src/base/error.h` and [docs](architecture.md#rooms), not `a/b`, <https://x.org/src/y>,\n"
      "[web](https://x.org) or `tests/<room>`; `src/*/none.h`.\n```sh\nls src/nothing\n```\n",
      "docs/x.md");
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].path, "src/base/error.h");
  EXPECT_EQ(found[1].path, "docs/architecture.md");
  EXPECT_EQ(found[2].path, "src/*/none.h");
  EXPECT_EQ(found[2].line, 2);
  EXPECT_TRUE(path_exists(SAN_SOURCE_DIR, "src/base/error.h"));
  EXPECT_TRUE(path_exists(SAN_SOURCE_DIR, "src/*/error.h"));
  EXPECT_FALSE(path_exists(SAN_SOURCE_DIR, "src/*/none.h"));
  EXPECT_FALSE(path_exists(SAN_SOURCE_DIR, "src/base/none.h"));
}

TEST(Markdown, ShellBlocksAreSplitIntoCommandsAndWhatTheyPrint) {
  const auto commands = shell_commands(
      "```sh\n# comment\nmake x\nsan a \\\n  --b  # why\n```\n```text\n12 done\n```\n```cpp\nint x;\n```\n");
  ASSERT_EQ(commands.size(), 2u);
  EXPECT_EQ(commands[0].text, "make x");
  EXPECT_EQ(commands[0].expected, "");
  EXPECT_EQ(commands[1].text, "san a   --b");
  EXPECT_EQ(commands[1].expected, "12 done\n");
}

}  // namespace
}  // namespace san::testing
