#include <string_view>

#include "base/log.h"
#include "base/utf8.h"
#include "commands.h"
#include "program.h"
#include "program/commands.h"
#include "program/interrupts.h"
#include "video_companion.h"

// NOLINTNEXTLINE(bugprone-exception-escape): nothing is left to do when the last words cannot be printed.
int main(int argc, char** argv) {
  using namespace san::cli;
  san::log::setup(false);
  Program program{argv, san::catch_interrupts()};
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
  if (!segments_video(program)) add_segment(app, program);
  for (const char* name : {"video", "segment"}) {
    if (name == std::string_view("segment") && !segments_video(program)) continue;
    auto* video = app.add_subcommand(name, "Give every pixel of a video a class (in the program san-video)");
    video->set_help_flag();
    video->prefix_command();
    video->callback([&program] { run_video_companion(program); });
  }
  add_explain(app, program);
  auto* pull = app.add_subcommand("pull", "Fetch a model by name (in the program san-pull)");
  pull->set_help_flag();
  pull->prefix_command();
  pull->callback([&program] { program.run_pull_companion(); });
  auto* serve = app.add_subcommand("serve", "Answer over HTTP, with a web page (in the program san-serve)");
  serve->set_help_flag();
  serve->prefix_command();
  serve->callback([&program] { program.run_serve_companion(); });
  add_bank(app, program);
  add_words(app, program);
  add_models(app);
  add_inspect(app);
  add_convert(app);
  add_quantize(app, program);
  auto* exporting = app.add_subcommand("export", "Write a model as ONNX graphs (in the program san-export)");
  exporting->set_help_flag();
  exporting->prefix_command();
  exporting->callback([&program] { program.run_export_companion(); });
  add_verify(app, program);
  add_bench(app, program);
  add_evaluate(app, program);
  add_prepare(app, program);
  auto* world = app.add_subcommand("world", "Build and render the demo world (in the program san-world)");
  world->set_help_flag();
  world->prefix_command();
  world->callback([&program] { program.run_world_companion(); });
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
  if (const int failed = san::run_commands(app, "san", argc, argv)) return program.interrupted ? 130 : failed;
  return program.exit_code;
}
