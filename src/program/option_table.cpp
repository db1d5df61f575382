#include "program/option_table.h"

#include <nlohmann/json.hpp>

namespace san {
namespace {

using nlohmann::ordered_json;

/// CLI11 keeps "TEXT:{a,b}" or "INT:INT in [0 - 9]" as one text: the kind of value, then what checks it.
void split_type(const std::string& type, ordered_json& option) {
  const std::size_t colon = type.find(':');
  option["value"] = type.substr(0, colon);
  std::string check = colon == std::string::npos ? "" : type.substr(colon + 1);
  ordered_json choices = ordered_json::array();
  if (check.starts_with('{') && check.ends_with('}')) {
    for (const std::string& choice : CLI::detail::split(check.substr(1, check.size() - 2), ','))
      choices.push_back(choice);
    check.clear();
  }
  option["choices"] = choices;
  option["limits"] = check;
}

ordered_json describe(const CLI::Option& o, const std::string& group) {
  ordered_json option;
  ordered_json names = ordered_json::array();
  for (const std::string& name : o.get_snames()) names.push_back("-" + name);
  for (const std::string& name : o.get_lnames()) names.push_back("--" + name);
  option["names"] = names;
  option["positional"] = o.get_positional() ? o.get_name(true) : "";
  split_type(o.get_items_expected_max() == 0 ? "" : o.get_type_name(), option);
  std::string given = o.get_items_expected_max() == 0 ? "" : o.get_default_str();
  if (given.starts_with('[') && given.ends_with(']')) given = given.substr(1, given.size() - 2);  // a list
  option["default"] = given;
  option["separator"] = o.get_delimiter() == '\0' ? "" : std::string(1, o.get_delimiter());
  option["required"] = o.get_required();
  option["repeats"] = o.get_expected_max() >= CLI::detail::expected_max_vector_size;
  option["description"] = o.get_description();
  option["group"] = group;
  return option;
}

/// The options of a command; those of an option group under the group's name and description.
void collect_options(const CLI::App& command, const std::string& group, ordered_json& options) {
  for (const CLI::Option* option : command.get_options())
    if (!option->get_group().empty()) options.push_back(describe(*option, group));
  for (const CLI::App* inner :
       command.get_subcommands([](const CLI::App* c) { return c->get_name().empty(); }))
    collect_options(
        *inner,
        inner->get_group() + (inner->get_description().empty() ? "" : ": ") + inner->get_description(),
        options);
}

ordered_json describe(const CLI::App& app) {
  ordered_json command;
  command["name"] = app.get_name();
  command["description"] = app.get_description();
  command["footer"] = app.get_footer();
  command["elsewhere"] = app.get_prefix_command();
  command["options"] = ordered_json::array();
  collect_options(app, "", command["options"]);
  command["commands"] = ordered_json::array();
  for (const CLI::App* inner : app.get_subcommands(
           [](const CLI::App* c) { return !c->get_name().empty() && !c->get_group().empty(); }))
    command["commands"].push_back(describe(*inner));
  return command;
}

}  // namespace

std::string option_table(const CLI::App& app) {
  return describe(app).dump(1);
}

}  // namespace san
