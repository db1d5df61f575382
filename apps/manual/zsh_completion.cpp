#include <fmt/format.h>

#include <algorithm>

#include "completion.h"

namespace san::manual {
namespace {

/// Within single quotes, and with what _arguments and _describe read as their own marks escaped.
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else if (c == '\n') {
      out += ' ';
    } else {
      if (std::string("[]:\\").find(c) != std::string::npos) out += '\\';
      out += c;
    }
  }
  return out;
}

std::string function_of(const Command& c) {
  std::string name = c.page();
  std::ranges::replace(name, '-', '_');
  return fmt::format("_{}", name);
}

/// ":message:action" of a value.
std::string value_of(const Option& o) {
  std::string label = o.value;
  std::ranges::transform(label, label.begin(), [](unsigned char c) { return std::tolower(c); });
  if (!o.has_choices()) return fmt::format(":{}:_files", escaped(label));
  std::string words;
  for (const std::string& choice : o.choices)
    words += fmt::format("{}{}", words.empty() ? "" : " ", escaped(choice));
  if (!o.separator.empty())
    return fmt::format(":{0}:_values -s {1} {0} {2}", escaped(label), escaped(o.separator), words);
  return fmt::format(":{}:({})", escaped(label), words);
}

/// One line of _arguments: every name of the option excludes the others.
void add_option(std::string& script, const Option& o) {
  if (o.names.empty()) {
    script += fmt::format("    '{}:{}:_files'", o.repeats ? "*" : "", escaped(o.positional));
    return;
  }
  std::string all;
  for (const std::string& name : o.names) all += fmt::format("{}{}", all.empty() ? "" : " ", name);
  const std::string exclusive = o.repeats ? "*" : fmt::format("({})", all);
  bool first = true;
  for (const std::string& name : o.names) {
    const bool is_long = name.starts_with("--");
    script += fmt::format("{}    '{}{}{}[{}]{}'", first ? "" : " \\\n", exclusive, name,
                          o.is_flag() ? ""
                          : is_long   ? "="
                                      : "+",
                          escaped(first_sentence(o.description)), o.is_flag() ? "" : value_of(o));
    first = false;
  }
}

void add_command(std::string& script, const Command& c) {
  script += fmt::format("{}() {{\n  local curcontext=\"$curcontext\" state line\n  typeset -A opt_args\n",
                        function_of(c));
  script += "  _arguments -C -S";
  for (const Option& o : c.options) script += " \\\n", add_option(script, o);
  if (c.commands.empty()) {
    script += c.options.empty() ? " '*:file:_files'\n}\n\n" : "\n}\n\n";
    return;
  }
  script += " \\\n    '1:command:->command' '*::argument:->argument'\n  case $state in\n    command)\n";
  script += "      local -a commands=(\n";
  for (const Command& below : c.commands)
    script +=
        fmt::format("        '{}:{}'\n", escaped(below.name()), escaped(first_sentence(below.description)));
  script += "      )\n      _describe command commands\n      ;;\n    argument)\n      case $words[1] in\n";
  for (const Command& below : c.commands)
    script += fmt::format("        {}) {} ;;\n", below.name(), function_of(below));
  script += "      esac\n      ;;\n  esac\n}\n\n";
}

}  // namespace

std::string zsh_completion(const Command& root) {
  std::string script =
      fmt::format("#compdef {0}\n# zsh completion for {0}, made from its option table.\n\n", root.name());
  for (const Command* c : all_commands(root)) add_command(script, *c);
  // The file is the body of the function that zsh loads it as.
  return script + function_of(root) + " \"$@\"\n";
}

}  // namespace san::manual
