#include "option_table.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace san::manual {
namespace {

Option parse_option(const nlohmann::json& json) {
  Option o;
  json.at("names").get_to(o.names);
  json.at("positional").get_to(o.positional);
  json.at("value").get_to(o.value);
  json.at("choices").get_to(o.choices);
  json.at("limits").get_to(o.limits);
  json.at("default").get_to(o.default_value);
  json.at("separator").get_to(o.separator);
  json.at("required").get_to(o.required);
  json.at("repeats").get_to(o.repeats);
  json.at("description").get_to(o.description);
  json.at("group").get_to(o.group);
  return o;
}

Command parse_command(const nlohmann::json& json, const std::string& above) {
  Command c;
  c.path = above + (above.empty() ? "" : " ") + json.at("name").get<std::string>();
  json.at("description").get_to(c.description);
  json.at("footer").get_to(c.footer);
  json.at("elsewhere").get_to(c.elsewhere);
  for (const nlohmann::json& option : json.at("options")) c.options.push_back(parse_option(option));
  for (const nlohmann::json& command : json.at("commands"))
    c.commands.push_back(parse_command(command, c.path));
  return c;
}

const Command* find_whole(const Command& in, const std::string& path) {
  if (in.path == path) return in.elsewhere ? nullptr : &in;
  for (const Command& command : in.commands)
    if (const Command* found = find_whole(command, path)) return found;
  return nullptr;
}

}  // namespace

std::string Command::page() const {
  std::string name = path;
  std::ranges::replace(name, ' ', '-');
  return name;
}

Command parse_table(const std::string& json, const std::string& source) try {
  return parse_command(nlohmann::json::parse(json), "");
} catch (const nlohmann::json::exception& e) {
  fail("{}: not an option table, as --dump-options prints one: {}", source, e.what());
}

Command merge(std::vector<Command> tables) {
  require(!tables.empty(), "no option table given");
  Command whole = tables.front();
  for (Command& command : whole.commands) {
    if (!command.elsewhere) continue;
    for (auto table = tables.begin() + 1; table != tables.end(); ++table)
      if (const Command* found = find_whole(*table, command.path)) command = *found;
  }
  return whole;
}

std::vector<const Command*> all_commands(const Command& root) {
  std::vector<const Command*> all{&root};
  for (const Command& command : root.commands)
    for (const Command* below : all_commands(command)) all.push_back(below);
  return all;
}

std::string first_sentence(const std::string& text) {
  const std::size_t end = std::min(text.find(". "), text.find('\n'));
  std::string sentence = text.substr(0, end);
  if (sentence.ends_with('.')) sentence.pop_back();
  return sentence;
}

}  // namespace san::manual
