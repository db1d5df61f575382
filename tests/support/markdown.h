#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace san::testing {

struct Mention {
  std::string path;  ///< relative to the project; may hold * for any name
  int line;
};

/// Paths of this project that a document names: in `code` (when they begin with one of its folders) and as
/// link targets. Fenced blocks are left out, and so is what holds <placeholders>.
std::vector<Mention> mentioned_paths(const std::string& markdown, const std::string& document);

bool path_exists(const std::filesystem::path& root, const std::string& path);

struct ShellCommand {
  std::string text;
  std::string
      expected;  ///< the ```text block that follows the command's block directly; "" when there is none
  int line;
};

/// The commands of all ```sh blocks, continued lines and here-documents joined, comments after two spaces
/// left out.
std::vector<ShellCommand> shell_commands(const std::string& markdown);

/// What stands between single backticks outside of blocks, on one line or on two.
std::vector<ShellCommand> inline_code(const std::string& markdown);

/// The lines in which fenced blocks without a language begin.
std::vector<int> blocks_without_language(const std::string& markdown);

/// The content of every fenced block of a language.
std::vector<std::string> code_blocks(const std::string& markdown, const std::string& language);

}  // namespace san::testing
