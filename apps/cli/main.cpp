#include <fmt/format.h>

#include <string_view>

#include "base/log.h"
#include "base/utf8.h"
#include "commands.h"
#include "last_resort.h"
#include "program.h"
#include "suggestions.h"

// NOLINTNEXTLINE(bugprone-exception-escape): nothing is left to do when the last words cannot be printed.
int main(int argc, char** argv) {
  using namespace san::cli;
  san::log::setup(false);
  Program program{argv, catch_interrupts()};
  CLI::App app{
      "san: open-vocabulary semantic segmentation. An image and any list of class names in, a class for "
      "every pixel out.",
      "san"};
  app.set_version_flag("--version", version_text, "Version, commit, instruction set and backends");
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  bool verbose = false;
  app.add_flag("-v,--verbose", verbose, "More messages");
  app.parse_complete_callback([&] { san::log::setup(verbose); });
  app.footer(
      "Exit code 0: all done; 1: part of the work failed, said on standard error; 2: nothing could be done; "
      "130: "
      "interrupted.");
  add_segment(app, program);
  add_inspect(app);
  add_convert(app);
  add_verify(app, program);
  add_bench(app, program);
  add_evaluate(app, program);
  add_prepare(app, program);
  add_world(app);
#ifdef SAN_WITH_TORCH
  register_torch();
  add_train(app, program);
  add_pretrain(app, program);
#else
  for (const char* name : {"train", "pretrain"}) {
    auto* command = app.add_subcommand(
        name, name == std::string_view("train") ? "Train a side adapter" : "Train a small CLIP");
    command->set_help_flag();
    command->prefix_command();
    command->callback([&program] { program.run_torch_companion(); });
  }
#endif
  try {
    require_known_command(app, "san", argc - 1, argv + 1);
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);
    fmt::print(stderr, "error: {}\n", san::printable(explain(app, e)));
    return 2;
  } catch (...) {
    fmt::print(stderr, "error: {}\n", last_words(std::current_exception()));
    return program.interrupted ? 130 : 2;
  }
  return program.exit_code;
}
