#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <string_view>

#include "base/error.h"
#include "base/log.h"
#include "commands.h"
#include "common.h"
#include "san/version.hpp"

namespace san::cli {
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

/// Of a word that is no command CLI11 says only that one is missing.
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
  std::ranges::stable_sort(names, {}, [&](const std::string& name) { return edits_between(name, *word); });
  const std::size_t best = edits_between(names[0], *word);
  const auto far =
      std::ranges::find_if(names, [&](const std::string& n) { return edits_between(n, *word) > best; });
  if (best <= 2)
    fail("there is no command '{} {}'; did you mean {}?", path, *word, fmt::join(names.begin(), far, " or "));
  std::ranges::sort(names);
  fail("there is no command '{} {}'; there are {}", path, *word, fmt::join(names, ", "));
}

}  // namespace
}  // namespace san::cli

// NOLINTNEXTLINE(bugprone-exception-escape): nothing is left to do when the last words cannot be printed.
int main(int argc, char** argv) {
  using namespace san::cli;
  remember_arguments(argv);
  CLI::App app{
      "san: open-vocabulary semantic segmentation. An image and any list of class names in, a class for "
      "every pixel out.",
      "san"};
  app.set_version_flag("--version", san::version());
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  bool verbose = false;
  app.add_flag("-v,--verbose", verbose, "More messages");
  app.parse_complete_callback([&] { san::log::setup(verbose); });
  add_segment(app);
  add_pull(app);
  add_models(app);
  add_inspect(app);
  add_convert(app);
  add_verify(app);
  add_bench(app);
  add_evaluate(app);
  add_prepare(app);
  add_world(app);
#ifdef SAN_WITH_TORCH
  register_torch();
  add_train(app);
  add_pretrain(app);
#else
  for (const char* name : {"train", "pretrain"}) {
    auto* command = app.add_subcommand(
        name, name == std::string_view("train") ? "Train a side adapter" : "Train a small CLIP");
    command->set_help_flag();
    command->prefix_command();
    command->callback(run_torch_companion);
  }
#endif
  catch_interrupts();
  try {
    require_known_command(app, "san", argc - 1, argv + 1);
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);
    fmt::print(stderr, "error: {}; `san --help` and `san COMMAND --help` say more\n", e.what());
    return 2;
  } catch (const std::exception& e) {
    fmt::print(stderr, "error: {}\n", e.what());
    return interrupted() ? 130 : 2;
  }
  return exit_code();
}
