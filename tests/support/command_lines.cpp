#include "command_lines.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <functional>
#include <set>
#include <sstream>

namespace san::testing {
namespace {

using manual::Command;
using manual::Option;

const Option* named(const Command& command, const std::string& name) {
  for (const Option& option : command.options)
    if (std::ranges::count(option.names, name) != 0) return &option;
  return nullptr;
}

std::string wrong_value(const Option& option, const std::string& value, const std::string& name) {
  if (option.choices.empty()) return "";
  std::istringstream parts(value);
  for (std::string part; std::getline(parts, part, option.separator.empty() ? '\0' : option.separator[0]);)
    if (part != "…" && std::ranges::count(option.choices, part) == 0) return name + " does not take " + part;
  return "";
}

std::vector<std::string> problems_of(const Command& command, const std::vector<std::string>& words,
                                     bool whole) {
  std::vector<std::string> problems, values;
  std::vector<const Option*> given;
  const bool open =
      std::ranges::any_of(words, [](const auto& word) { return word == "…" || word == "--help"; });
  const Option* taking = nullptr;  // the option whose values may follow
  const auto add = [&](const std::string& problem) {
    if (!problem.empty()) problems.push_back(command.path + ": " + problem);
  };
  for (const std::string& word : words) {
    if (word.size() > 1 && word[0] == '-') {
      const std::size_t equals = word.starts_with("--") ? word.find('=') : word.npos;
      const std::string name = word.substr(0, equals);
      const Option* option = named(command, name);
      if (option == nullptr) add("no option " + name);
      if (option != nullptr) given.push_back(option);
      taking = option != nullptr && !option->is_flag() && equals == word.npos ? option : nullptr;
      if (option != nullptr && equals != word.npos) add(wrong_value(*option, word.substr(equals + 1), name));
    } else if (taking != nullptr) {
      add(wrong_value(*taking, word, taking->names.back()));
      if (!taking->repeats || !taking->separator.empty()) taking = nullptr;
    } else if (word != "…") {
      values.push_back(word);
    }
  }
  std::size_t places = 0;
  for (const Option& option : command.options) {
    if (!option.positional.empty()) places += option.repeats ? values.size() : 1;
    const bool is_given =
        option.positional.empty() ? std::ranges::count(given, &option) != 0 : !values.empty();
    if (whole && !open && option.required && !is_given)
      add((option.positional.empty() ? option.names.back() : option.positional) + " is missing");
  }
  if (values.size() > places) add("takes no " + values[places]);
  return problems;
}

/// Words from the one that is run on, behind settings of the environment and what starts others.
std::vector<std::string> run_words(std::vector<std::string> words,
                                   const std::function<bool(const std::string&)>& known) {
  static const std::set<std::string> kLaunchers{"do", "then", "sudo", "srun", "mpirun", "torchrun"};
  const auto is_setting = [](const std::string& word) {
    return word.find('=') != word.npos &&
           (std::isalpha(static_cast<unsigned char>(word[0])) != 0 || word[0] == '_');
  };
  auto first = std::ranges::find_if_not(words, is_setting);
  if (first != words.end() && kLaunchers.contains(*first)) first = std::find_if(first, words.end(), known);
  words.erase(words.begin(), first);
  return !words.empty() && known(words.front()) ? words : std::vector<std::string>();
}

}  // namespace

std::vector<std::vector<std::string>> simple_commands(const std::string& line) {
  std::vector<std::vector<std::string>> commands(1);
  std::string word;
  bool in_word = false, to_file = false;
  char quote = 0;
  const auto end_word = [&] {
    if (in_word && !to_file) commands.back().push_back(word);
    if (in_word) to_file = false;
    word.clear();
    in_word = false;
  };
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote != 0) {
      if (c == quote)
        quote = 0;
      else
        word += c;
    } else if (c == '"' || c == '\'') {
      quote = c;
      in_word = true;
    } else if (c == '#' && !in_word) {
      while (i + 1 < line.size() && line[i + 1] != '\n') ++i;
    } else if (c == ' ') {
      end_word();
    } else if (c == '<' || c == '>') {
      end_word();
      to_file = true;
    } else if (c == ';' || c == '|' || c == '&' || c == '\n') {
      end_word();
      to_file = false;
      commands.emplace_back();
    } else {
      word += c;
      in_word = true;
    }
  }
  end_word();
  std::erase_if(commands, [](const auto& words) { return words.empty(); });
  return commands;
}

std::vector<std::string> unknown_words(const std::string& line, const std::vector<Command>& programs,
                                       bool whole) {
  std::vector<std::string> problems;
  const auto program_of = [&](const std::string& word) {
    const std::string name = std::filesystem::path(word).filename().string();
    return std::ranges::find_if(programs, [&](const Command& c) { return c.page() == name; });
  };
  for (const std::vector<std::string>& all : simple_commands(line)) {
    const std::vector<std::string> words =
        run_words(all, [&](const std::string& word) { return program_of(word) != programs.end(); });
    if (words.empty()) continue;
    auto word = words.begin();
    const Command* command = &*program_of(*word++);
    for (; word != words.end() && !command->commands.empty(); ++word) {
      const Option* flag = named(*command, *word);
      if (flag != nullptr && flag->is_flag()) continue;
      const auto below =
          std::ranges::find_if(command->commands, [&](const Command& c) { return c.name() == *word; });
      if (below == command->commands.end()) break;
      command = &*below;
    }
    if (command->elsewhere) continue;
    std::vector<std::string> found = problems_of(*command, {word, words.end()}, whole);
    // What moves is san-video's.
    const auto video = program_of("san-video");
    if (command->path == "san segment" && video != programs.end() && !found.empty() &&
        problems_of(*video, {word, words.end()}, whole).empty())
      continue;
    problems.insert(problems.end(), found.begin(), found.end());
  }
  return problems;
}

}  // namespace san::testing
