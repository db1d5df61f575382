// san-world: builds and renders the demo world. `san world ...` starts it in its place.
#include <CLI/CLI.hpp>
#include <memory>
#include <sstream>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/log.h"
#include "build.h"
#include "pack.h"
#include "program/commands.h"
#include "program/companion.h"
#include "san/version.hpp"
#include "world/export/export.h"

namespace san {
namespace {

namespace fs = std::filesystem;

void add_build(CLI::App& world) {
  auto* command = world.add_subcommand("build", "Fetch the demo world's pictures and render them once");
  const auto options = std::make_shared<WorldBuild>();
  command->add_option("--output", options->folder, "Folder of the world")->capture_default_str();
  command->add_option("--concepts", options->concepts, "Concepts to render")->capture_default_str();
  command->add_option("--clipart", options->clipart, "Table of hand-picked clip art")->capture_default_str();
  command->add_option("--photo-list", options->photos, "Table of hand-checked photo cut-outs")
      ->capture_default_str();
  command->add_option("--styles", options->styles, "Only these training styles")->delimiter(',');
  command->add_flag("!--no-tests", options->tests, "Without the art styles that are held out for tests");
  command->add_flag("--photos", options->debian,
                    "With photo cut-outs and backgrounds for tests (210 MB of Debian packages)");
  command->add_option("--side", options->side, "Longest side of a sprite in pixels")
      ->capture_default_str()
      ->check(CLI::Range(24, 256));
  command->add_option("--threads", options->threads, "Threads; 0: one per processor")->capture_default_str();
  command->callback([options] {
    for (fs::path* list : {&options->concepts, &options->clipart, &options->photos})
      *list = world_file(*list);
    build_world(*options);
  });
}

struct RenderArguments {
  WorldExport output;
  fs::path world = "world", concepts = "configs/world/measured.tsv";
  std::vector<fs::path> pictures;
  bool no_sheet = false;
  int threads = 0;
};

/// The given picture files, or those that `san world build` wrote.
std::vector<fs::path> picture_files(const RenderArguments& arguments) {
  if (arguments.pictures.empty()) return built_picture_files(arguments.world);
  std::vector<fs::path> files;
  for (const fs::path& file : arguments.pictures) files.push_back(world_file(file));
  return files;
}

void add_render(CLI::App& world) {
  auto* command = world.add_subcommand("render", "Write scenes of the demo world as a dataset folder");
  const auto arguments = std::make_shared<RenderArguments>();
  command->add_option("--output", arguments->output.output, "Folder of the dataset")->required();
  command
      ->add_option("--split", arguments->output.split,
                   "train, mixed, seen, unseen, style, near-style or photo")
      ->capture_default_str();
  command->add_option("--count", arguments->output.count, "Scenes")->capture_default_str();
  command->add_option("--first", arguments->output.first, "Number of the first scene")->capture_default_str();
  command
      ->add_option(
          "--clip", arguments->output.frames,
          "Clips of so many frames instead of scenes: a moving camera, moving things; folders of numbered "
          "pictures and labels; 0: scenes")
      ->capture_default_str()
      ->check(CLI::Range(0, 100000));
  command->add_option("--size", arguments->output.size, "Height and width in pixels")
      ->capture_default_str()
      ->check(CLI::Range(32, 2048));
  command->add_option("--seed", arguments->output.seed, "Seed of the train split; the others are fixed")
      ->capture_default_str();
  command->add_option("--world", arguments->world, "Folder that 'san world build' wrote")
      ->capture_default_str();
  command->add_option("--pictures", arguments->pictures, "Picture files instead of the folder's");
  command->add_option("--concepts", arguments->concepts, "List of concepts")->capture_default_str();
  command->add_flag("--no-sheet", arguments->no_sheet, "Without the contact sheet sheet.png");
  command->add_option("--threads", arguments->threads, "Threads; 0: one per processor")
      ->capture_default_str();
  command->callback([arguments] {
    ThreadPool pool(arguments->threads);
    arguments->output.sheet = !arguments->no_sheet;
    export_world(World::load(world_file(arguments->concepts), picture_files(*arguments), &pool),
                 arguments->output, &pool);
  });
}

struct PackArguments {
  fs::path input = "world/train.pictures", list = "configs/world/pack.txt", output;
  std::vector<std::string> styles = {"noto", "fluent-emoji-flat", "fluent-emoji-3d"}, panoramas = {"dawn"};
};

void add_pack(CLI::App& world) {
  auto* command = world.add_subcommand("pack", "Select a few pictures into a small file that can be shipped");
  const auto arguments = std::make_shared<PackArguments>();
  command->add_option("--output", arguments->output, "File to write")->required();
  command->add_option("--input", arguments->input, "Picture file to select from")->capture_default_str();
  command->add_option("--list", arguments->list, "Concepts, one per line")->capture_default_str();
  command->add_option("--styles", arguments->styles, "Styles")->delimiter(',')->capture_default_str();
  command->add_option("--panoramas", arguments->panoramas, "Panoramas")
      ->delimiter(',')
      ->capture_default_str();
  command->callback([arguments] {
    std::istringstream lines(read_text_file(world_file(arguments->list)));
    std::vector<std::string> concepts;
    for (std::string line; std::getline(lines, line);)
      if (!line.empty()) concepts.push_back(line);
    ThreadPool pool;
    write_pictures(select_pack(read_pictures(arguments->input, &pool), concepts, arguments->styles,
                               arguments->panoramas),
                   arguments->output, &pool);
  });
}

}  // namespace
}  // namespace san

// NOLINTNEXTLINE(bugprone-exception-escape): nothing is left to do when the last words cannot be printed.
int main(int argc, char** argv) {
  CLI::App app{
      "Build and render the demo world, an image-text world of free pictures. Lists and packs that are not "
      "found "
      "from here are those shipped under the same file name.",
      "san world"};
  app.set_version_flag("--version", san::version());
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  bool verbose = false;
  app.add_flag("-v,--verbose", verbose, "More messages");
  app.parse_complete_callback([&] { san::log::setup(verbose); });
  san::add_build(app);
  san::add_render(app);
  san::add_pack(app);
  return san::run_commands(app, "san world", argc, argv);
}
