#include "markdown.h"

#include <glob.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <regex>

#include "files.h"

namespace san::testing {
namespace {

namespace fs = std::filesystem;

struct Block {
  std::string language;
  std::vector<std::string> lines;
  int line;  // of the first content line
  bool follows_block;
};

struct Document {
  std::vector<Block> blocks;
  std::vector<std::pair<int, std::string>> prose;
};

Document split(const std::string& markdown) {
  Document document;
  bool inside = false, follows = false;
  int number = 0;
  for (const std::string& line : lines_of(markdown)) {
    ++number;
    if (line.starts_with("```")) {
      if (!inside) document.blocks.push_back({line.substr(3), {}, number + 1, follows});
      inside = !inside;
      follows = true;
    } else if (inside) {
      document.blocks.back().lines.push_back(line);
    } else {
      follows = follows && line.empty();
      document.prose.emplace_back(number, line);
    }
  }
  return document;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

}  // namespace

std::vector<Mention> mentioned_paths(const std::string& markdown, const std::string& document) {
  static const std::regex kMention(R"(`([^`]+)`|\]\(([^)\s]+)\))");
  static const std::regex kOwn(R"((src|apps|include|tests|tools|docs|configs|cmake|models|\.ci)/[\w./*-]+)");
  std::vector<Mention> found;
  for (const auto& [number, line] : split(markdown).prose)
    for (std::sregex_iterator it(line.begin(), line.end(), kMention), end; it != end; ++it) {
      if ((*it)[1].matched) {
        std::string code = (*it)[1];
        if (std::regex_match(code, kOwn)) found.push_back({code, number});
        continue;
      }
      std::string target = (*it)[2];
      target.resize(std::min(target.find('#'), target.size()));
      if (target.empty() || target.find(':') != std::string::npos) continue;
      found.push_back({(fs::path(document).parent_path() / target).lexically_normal().string(), number});
    }
  return found;
}

bool path_exists(const fs::path& root, const std::string& path) {
  glob_t result{};
  const bool found = ::glob((root / path).c_str(), 0, nullptr, &result) == 0;
  ::globfree(&result);
  return found;
}

std::vector<ShellCommand> shell_commands(const std::string& markdown) {
  std::vector<ShellCommand> commands;
  const Document document = split(markdown);
  for (const Block& block : document.blocks) {
    if (block.language == "text" && block.follows_block && !commands.empty())
      commands.back().expected = joined(block.lines);
    if (block.language != "sh") continue;
    std::string command;
    for (std::size_t i = 0; i < block.lines.size(); ++i) {
      const std::string& line = block.lines[i];
      if (command.empty() && (line.empty() || line.starts_with('#'))) continue;
      command += line;
      if (command.ends_with('\\')) {
        command.pop_back();
        continue;
      }
      std::smatch here;
      if (std::regex_search(command, here, std::regex("<<'(\\w+)'$"))) {
        const std::string end = here[1];
        const int first = block.line + static_cast<int>(i);
        do command += "\n" + block.lines.at(++i);
        while (block.lines[i] != end);
        commands.push_back({command, "", first});
        command.clear();
        continue;
      }
      command.resize(std::min(command.size(), command.find("  #")));
      command.resize(command.find_last_not_of(' ') + 1);
      commands.push_back({command, "", block.line + static_cast<int>(i)});
      command.clear();
    }
  }
  return commands;
}

std::vector<ShellCommand> inline_code(const std::string& markdown) {
  std::string text;
  std::map<std::size_t, int> lines;  // by where they begin in the text
  for (const auto& [number, line] : split(markdown).prose) {
    lines[text.size()] = number;
    text += line + " ";
  }
  std::vector<ShellCommand> found;
  static const std::regex kCode(R"(`([^`]+)`)");
  for (std::sregex_iterator it(text.begin(), text.end(), kCode), end; it != end; ++it)
    found.push_back(
        {(*it)[1], "", std::prev(lines.upper_bound(static_cast<std::size_t>(it->position())))->second});
  return found;
}

std::vector<int> blocks_without_language(const std::string& markdown) {
  std::vector<int> found;
  for (const Block& block : split(markdown).blocks)
    if (block.language.empty()) found.push_back(block.line - 1);
  return found;
}

std::vector<std::string> code_blocks(const std::string& markdown, const std::string& language) {
  std::vector<std::string> found;
  for (const Block& block : split(markdown).blocks)
    if (block.language == language) found.push_back(joined(block.lines));
  return found;
}

}  // namespace san::testing
