#include "program/commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <string_view>

#include "base/error.h"
#include "base/log.h"
#include "base/reader_limit.h"
#include "base/utf8.h"
#include "program/interrupts.h"
#include "program/last_resort.h"
#include "program/option_table.h"
#include "san/version.hpp"

namespace san {
namespace {

/// How many letters to add, leave out or change to turn one word into the other.
std::size_t edits_between(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

/// Those of `names` that differ least from `word`; none where that is by more than two letters.
std::vector<std::string> most_alike(const std::vector<std::string>& names, std::string_view word) {
  std::size_t best = 2;
  std::vector<std::string> alike;
  for (const std::string& name : names) {
    const std::size_t edits = edits_between(name, word);
    if (edits > best) continue;
    if (edits < best) alike.clear();
    best = edits;
    alike.push_back(name);
  }
  return alike;
}

/// "--name" of every option of a command, its groups' included.
void collect_options(const CLI::App& command, std::vector<std::string>& names) {
  for (const CLI::Option* option : command.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  for (const CLI::App* group :
       command.get_subcommands([](const CLI::App* c) { return c->get_name().empty(); }))
    collect_options(*group, names);
}

/// "san world build": the command that was parsed last.
std::pair<const CLI::App*, std::string> parsed_command(const CLI::App& app) {
  const CLI::App* command = &app;
  std::string path = app.get_name();
  for (auto next = command->get_subcommands(); !next.empty(); next = command->get_subcommands()) {
    command = next.back();
    if (!command->get_name().empty()) path += ' ' + command->get_name();
  }
  return {command, path};
}

/// Of a word that is no command CLI11 says only that one is missing. `path` is what was typed before.
void require_known_command(CLI::App& app, const std::string& path, int argc, char** argv) {
  std::vector<std::string> names;
  const auto is_command = [](const CLI::App* c) { return !c->get_name().empty(); };  // or a group of options
  for (const CLI::App* command : app.get_subcommands(is_command)) names.push_back(command->get_name());
  const auto is_option = [](std::string_view word) { return word.starts_with('-'); };
  char** word = std::find_if_not(argv, argv + argc, is_option);  // options before a command take no values
  if (names.empty() || word == argv + argc) return;
  if (std::ranges::find(names, *word) != names.end())
    return require_known_command(*app.get_subcommand(*word), path + " " + *word,
                                 static_cast<int>(argv + argc - word) - 1, word + 1);
  if (const auto alike = most_alike(names, *word); !alike.empty())
    fail("there is no command '{} {}'; did you mean {}?", path, *word, fmt::join(alike, " or "));
  std::ranges::sort(names);
  fail("there is no command '{} {}'; there are {}", path, *word, fmt::join(names, ", "));
}

/// What to tell of a command line that `app` could not parse, in one line: an unknown option with those it
/// may have meant, else CLI11's words.
std::string explain(const CLI::App& app, const CLI::ParseError& error) {
  const auto [command, path] = parsed_command(app);
  const std::string more = fmt::format("`{} --help` says more", path);
  const std::vector<std::string> rest = app.remaining(true);
  const auto unknown =
      std::ranges::find_if(rest, [](const std::string& word) { return word.starts_with("--"); });
  if (unknown == rest.end())  // else whatever CLI11 misses may be what the unknown option was to be
    return fmt::format("{}; {}", error.what(), more);
  const std::string name = unknown->substr(0, unknown->find('='));
  std::vector<std::string> options;
  collect_options(*command, options);
  const auto alike = most_alike(options, name);
  return alike.empty()
             ? fmt::format("`{}` has no option {}; {}", path, name, more)
             : fmt::format("`{}` has no option {}; did you mean {}?", path, name, fmt::join(alike, " or "));
}

/// --limits, for `app` or the commands in it. What a companion program has is its own.
void add_limits_option(CLI::App& app) {
  const auto commands = app.get_subcommands([](const CLI::App* c) { return !c->get_name().empty(); });
  for (CLI::App* command : commands) add_limits_option(*command);
  if (!commands.empty() || app.get_prefix_command()) return;
  // By the environment, so that libsan and companion programs heed it as well.
  app.add_option_function<int>(
         "--limits", [](int scale) { ::setenv(ReaderLimit::kVariable, std::to_string(scale).c_str(), 1); },
         "Multiply by N how much is read of a file (bytes, entries, work; docs/limits.md), for files that "
         "you trust [$SAN_LIMITS, 1]; pictures' pixels: --max-pixels")
      ->check(CLI::Range(1, static_cast<int>(ReaderLimit::kMostScale)));
}

}  // namespace

int run_commands(CLI::App& app, const std::string& path, int argc, char** argv, Files files) {
  if (files == Files::kOfUser)
    add_limits_option(app);
  else
    ::setenv(ReaderLimit::kVariable, ReaderLimit::kFixed, 1);
  if (argc == 2 && std::string_view(argv[1]) == "--dump-options") {
    fmt::print("{}\n", option_table(app));
    return 0;
  }
  try {
    require_known_command(app, path, argc - 1, argv + 1);
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);
    fmt::print(stderr, "error: {}\n", printable(explain(app, e)));
    return 2;
  } catch (...) {
    fmt::print(stderr, "error: {}\n",
               last_words(std::current_exception(),
                          fmt::format("{} {}", path, fmt::join(argv + 1, argv + argc, " "))));
    return 2;
  }
  return 0;
}

int run_only_command(CLI::App& app, int argc, char** argv,
                     const std::function<int(const std::atomic<bool>&)>& run) {
  const std::atomic<bool>& interrupted = catch_interrupts();
  log::setup(false);
  app.set_version_flag("--version", version());
  app.get_formatter()->column_width(34);
  bool verbose = false;
  app.add_flag("-v,--verbose", verbose, "More messages");
  int code = 0;
  app.callback([&] {
    log::setup(verbose);
    code = run(interrupted);
  });
  if (const int failed = run_commands(app, app.get_name(), argc, argv)) return interrupted ? 130 : failed;
  return code;
}

}  // namespace san
