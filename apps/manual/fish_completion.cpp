#include <fmt/format.h>

#include "completion.h"

namespace san::manual {
namespace {

std::string quoted(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return fmt::format("'{}'", out);
}

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) all += fmt::format("{}{}", all.empty() ? "" : " ", word);
  return all;
}

}  // namespace

std::string fish_completion(const Command& root) {
  const std::string name = root.name(), function = fmt::format("__{}_path", name);
  std::string paths;
  for (const Command* c : all_commands(root))
    if (c != &root) paths += fmt::format(" {}", quoted(c->path));
  std::string script = fmt::format("# fish completion for {0}, made from its option table.\n", name);
  script += fmt::format(
      "function {} -d 'The command being typed'\n  set -l path {}\n"
      "  for word in (commandline -opc)[2..-1]\n    switch \"$path $word\"\n      case{}\n"
      "        set path \"$path $word\"\n    end\n  end\n  echo $path\nend\n",
      function, quoted(root.path), paths.empty() ? " ''" : paths);
  for (const Command* c : all_commands(root)) {
    const std::string line = fmt::format("complete -c {} -n 'test ({}) = \"{}\"'", name, function, c->path);
    for (const Command& below : c->commands)
      script += fmt::format("{} -f -a {} -d {}\n", line, quoted(below.name()),
                            quoted(first_sentence(below.description)));
    for (const Option& o : c->options) {
      if (o.names.empty()) continue;
      script += line;
      for (const std::string& option : o.names)
        script += option.starts_with("--") ? fmt::format(" -l {}", option.substr(2))
                                           : fmt::format(" -s {}", option.substr(1));
      if (o.has_choices() && !o.separator.empty())
        script += fmt::format(" -x -a '(__fish_append {} {})'", o.separator, joined(o.choices));
      else if (o.has_choices())
        script += fmt::format(" -x -a {}", quoted(joined(o.choices)));
      else if (!o.is_flag())
        script += " -r";
      script += fmt::format(" -d {}\n", quoted(first_sentence(o.description)));
    }
  }
  return script;
}

}  // namespace san::manual
