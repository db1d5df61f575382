#include <fmt/format.h>

#include "completion.h"

namespace san::manual {
namespace {

/// A word that bash takes as it stands, within single quotes.
std::string quoted(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return fmt::format("'{}'", out);
}

std::string words_of(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) all += fmt::format("{}{}", all.empty() ? "" : " ", word);
  return quoted(all);
}

}  // namespace

std::string bash_completion(const Command& root) {
  const std::string function = fmt::format("_{}", root.name());
  std::string paths, commands, options, values;
  for (const Command* c : all_commands(root)) {
    if (c != &root) paths += fmt::format("{}{}", paths.empty() ? "" : " | ", quoted(c->path));
    std::vector<std::string> below, names;
    for (const Command& inner : c->commands) below.push_back(inner.name());
    if (!below.empty()) commands += fmt::format("    {}) commands={} ;;\n", quoted(c->path), words_of(below));
    for (const Option& o : c->options) {
      names.insert(names.end(), o.names.begin(), o.names.end());
      if (o.is_flag() || o.names.empty()) continue;
      std::string patterns;
      for (const std::string& name : o.names)
        patterns += fmt::format("{}{}", patterns.empty() ? "" : " | ", quoted(c->path + " " + name));
      values += fmt::format("    {}) value=1", patterns);
      if (o.has_choices()) values += fmt::format(" choices={}", words_of(o.choices));
      if (o.has_choices() && !o.separator.empty())
        values += fmt::format(" separator={}", quoted(o.separator));
      values += " ;;\n";
    }
    options += fmt::format("    {}) options={} ;;\n", quoted(c->path), words_of(names));
  }
  std::string script = fmt::format("# bash completion for {0}, made from its option table.\n{1}() {{\n",
                                   root.name(), function);
  script += fmt::format("  local path={} word i\n", quoted(root.path));
  script += R"(  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
  local commands= options= value= choices= separator= done=
  COMPREPLY=()
  # bash takes --name=value for three words.
  if [[ $cur == '=' ]]; then
    cur=
  elif [[ $prev == '=' && COMP_CWORD -ge 2 ]]; then
    prev=${COMP_WORDS[COMP_CWORD-2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="$path ${COMP_WORDS[i]}"
    case $word in
)";
  if (!paths.empty()) script += fmt::format("      {}) path=$word ;;\n", paths);
  script += "    esac\n  done\n  case \"$path $prev\" in\n" + values + "  esac\n  case $path in\n" +
            commands + "  esac\n  case $path in\n" + options + "  esac\n";
  script += R"(  if [[ $value ]]; then
    if [[ $separator && $cur == *"$separator"* ]]; then
      done=${cur%"$separator"*}$separator
      cur=${cur##*"$separator"}
    fi
    # shellcheck disable=SC2207
    [[ $choices ]] && COMPREPLY=($(compgen -P "$done" -W "$choices" -- "$cur"))
  elif [[ $cur == -* ]]; then
    # shellcheck disable=SC2207
    COMPREPLY=($(compgen -W "$options" -- "$cur"))
  else
    # shellcheck disable=SC2207
    COMPREPLY=($(compgen -W "$commands" -- "$cur"))
  fi
}
)";
  return script + fmt::format("complete -o default -F {} {}\n", function, root.name());
}

}  // namespace san::manual
