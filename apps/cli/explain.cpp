// Written on libsan alone, as segment.cpp is: tests/public_door_test.cpp holds to it.
#include <fmt/format.h>

#include "base/log.h"
#include "commands.h"
#include "common.h"
#include "image_inputs.h"
#include "library_options.h"
#include "picture_arguments.h"
#include "program/common_options.h"
#include "san/san.hpp"

namespace san::cli {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  ModelArguments model;
  VocabularyArguments vocabulary;
  PictureArguments pictures;
  std::string image, background = "none";
  fs::path output = "explain.html";
  int short_side = 0;
};

Image read_picture(const Arguments& a, const Program& program) {
  if (a.image != "-") return load_image(a.image, a.pictures.decode);
  const std::string bytes = read_standard_input(a.pictures.decode.max_bytes, program.interrupted);
  return decode_image(std::as_bytes(std::span(bytes)), "standard input", a.pictures.decode);
}

void run(const Arguments& a, const Program& program) {
  const std::vector<ClassName> classes = a.vocabulary.parse();
  const Image picture = read_picture(a, program);
  const Model model = load_model(a.model, "", program);
  if (model.facts().random_weights) log::warn("{}", model.description());
  const Vocabulary words = embed(model, classes, a.vocabulary, "none", program.interrupted);
  SegmentationOptions options;
  options.short_side = a.short_side;
  options.other = a.background == "other";
  options.watch.cancelled = &program.interrupted;
  const std::string name = a.image == "-" ? "standard input" : fs::path(a.image).filename().string();
  const std::string page =
      explanation_page(model.segmenter().explain(picture, words, options, {name, a.model.model, {}, {}}));
  save_file(a.output, std::as_bytes(std::span(page)));
  fmt::print("{}: {:.1f} MB, to be opened in a browser\n", a.output.string(),
             static_cast<double>(page.size()) / 1e6);
}

}  // namespace

void add_explain(CLI::App& app, Program& program) {
  auto* command = app.add_subcommand("explain", "Write one HTML page that shows how a picture became labels");
  const auto a = std::make_shared<Arguments>();
  command->add_option("image", a->image, "A picture, or - for one on standard input")->required();
  a->model.add_to(*command);
  a->vocabulary.add_to(*command, true);
  a->pictures.add_to(*command);
  command->add_option("-o,--output", a->output, "The page, with everything inside")->capture_default_str();
  add_background_option(*command, a->background);
  add_short_side_option(*command, a->short_side);
  command->footer("Example: san explain photo.jpg --classes \"cat, sofa|couch, wall\" -o explain.html");
  command->callback([a, &program] { run(*a, program); });
}

}  // namespace san::cli
