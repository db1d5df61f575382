#include <fmt/format.h>

#include <string_view>

#include "base/log.h"
#include "commands.h"
#include "common.h"
#include "san/version.hpp"

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
