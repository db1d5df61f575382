// The commands of docs/, CONTRIBUTING.md and the model's card: every word is one that the programs know, and
// those that need nothing from elsewhere run as written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>

#include "support/command_lines.h"
#include "support/files.h"
#include "support/markdown.h"
#include "support/process.h"

namespace san::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

namespace fs = std::filesystem;

std::vector<std::string> documents() {
  std::vector<std::string> found{"CONTRIBUTING.md", "README.md", "models/default/README.md"};
  for (const std::string& file : files_below(fs::path(SAN_SOURCE_DIR) / "docs"))
    if (file.ends_with(".md")) found.push_back("docs/" + file);
  return found;
}

std::string text_of(const std::string& document) {
  return read_file(fs::path(SAN_SOURCE_DIR) / document);
}

/// `san` with its companions' commands first, then the companions.
std::vector<manual::Command> programs() {
  std::vector<manual::Command> tables;
  for (const char* name :
       {"san", "san-world", "san-pull", "san-serve", "san-export", "san-video", "san-torch"})
    if (const fs::path program = fs::path(SAN_PROGRAM).parent_path() / name; fs::exists(program))
      tables.push_back(manual::parse_table(run_process({program.string(), "--dump-options"}).out, name));
  tables.front() = manual::merge(tables);
  return tables;
}

TEST(Documents, EveryBlockSaysItsLanguage) {
  for (const std::string& document : documents())
    EXPECT_THAT(blocks_without_language(text_of(document)), IsEmpty()) << document;
}

TEST(Documents, CommandsNameOnlyWhatTheProgramsKnow) {
  const std::vector<manual::Command> known = programs();
  ASSERT_GE(known.front().commands.size(), 15u);
  const auto check = [&](const std::string& document, const ShellCommand& command, bool whole) {
    for (const std::string& problem : unknown_words(command.text, known, whole))
      ADD_FAILURE() << document << ":" << command.line << ": " << problem << "\n" << command.text;
  };
  for (const std::string& document : documents()) {
    for (const ShellCommand& command : shell_commands(text_of(document))) check(document, command, true);
    for (const ShellCommand& mention : inline_code(text_of(document))) check(document, mention, false);
  }
}

/// Documents whose commands are other tests', and commands that no test can run.
const std::map<std::string, std::string>& not_run() {
  static const std::map<std::string, std::string> kReasons{
      {"README.md", "readme_test"},
      {"docs/ablations.md", "hours of training"},
      {"docs/install.md", "changes the system; packaging/check-deb.sh and check-tarball.sh"},
      {"docs/python.md", "python_wheel_test"},
      {"docs/serving.md", "serve_http_test"},
      {"docs/training.md", "cli_training_test"},
      {"san words --classes-file classes.txt --suggest", "needs wordnet-base"},
      {"san evaluate --dataset ade20k-150 --data /data --model san_vit_b_16.safetensors --output result",
       "ADE20K"},
      {"san evaluate --dataset ade20k-150 --data /data --predictions result/sem_seg_predictions.json",
       "ADE20K"},
      {"san evaluate … --shard 1/4 --output part1", "no command"},
      {"san evaluate --merge part1 part2 part3 part4 --output result", "the parts of that one"},
      {"sbatch --wait job.sh", "cluster_test"},
      {"san segment --merge out --output out", "the parts of that one"},
      {"san pull san-vit-b-16", "pull_test"},
      {"san segment photo.jpg --model san-vit-b-16 --classes \"cat, sofa|couch, wall\"", "released weights"},
      {"san convert san_vit_b_16.pth --bpe bpe_simple_vocab_16e6.txt.gz --precision int8 --output "
       "small.safetensors",
       "released weights"},
      {"san segment photo.jpg --model small.safetensors --classes \"cat, sofa|couch, wall\"",
       "the file of that one"},
      {"san quantize photos/ --model san-vit-b-16 --classes-file names.txt --report -o small.safetensors",
       "released weights"},
      {"san export --onnx graphs --model san.safetensors --precision int8 --calibrate pictures", "onnx_test"},
      {"cmake --build build/release --target node_packages", "the network"},
      {"tools/try-page.sh page", "onnx_test"},
      {"python3 -m http.server --directory page", "does not end"},
      {"npm install --prefix runtime onnxruntime-node", "the network"},
      {"SAN_ONNXRUNTIME_DIR=runtime san verify tiny.safetensors --backend onnx", "onnx_test"},
      {"san world build", "the network"},
      {"san world build --photos", "the network"},
      {"san world build --concepts configs/world/demo.tsv", "the network"},
      {"san world render --output out --split mixed --count 500", "minutes"},
      {"san world render --output clips --split mixed --clip 24 --count 10", "minutes"},
  };
  return kReasons;
}

// What the commands read. Model files are the built-in model under the names that the documents give theirs.
constexpr const char* kFiles = R"(
cp "$SOURCE"/tests/data/photos/cat.jpg photo.jpg
mkdir -p photos 'parts/bracket A' 'parts/bracket B'
cp "$SOURCE"/tests/data/photos/*.jpg photos
cp photos/cat.jpg 'parts/bracket A'
cp photos/coffee.jpg 'parts/bracket B'
cp "$SOURCE"/tests/data/image/rgb.tif scene.tif
printf 'cat\nsofa|couch\nwall\n' >classes.txt
ln -s "$SOURCE"/models/default/model.safetensors san.safetensors
ln -s "$SOURCE"/configs configs
san world render --output my-folder --pictures configs/world/pack.pictures --count 2 --size 64
cp -r my-folder/labels labels
san bank build my-folder --quiet --output my.bank
ffmpeg -v error -f lavfi -i testsrc=size=96x64:rate=5:duration=1 -pix_fmt yuv420p clip.mp4
cp clip.mp4 film.mkv
)";

TEST(Documents, CommandsRunAsWritten) {
  std::set<std::string> excepted;
  for (const std::string& document : documents()) {
    if (not_run().contains(document)) {
      excepted.insert(document);
      continue;
    }
    const TemporaryFolder folder;
    ProcessOptions options;
    options.folder = folder.path();
    options.environment = {
        {"SOURCE", SAN_SOURCE_DIR},
        {"SAN_CACHE_DIR", (folder / "cache").string()},
        {"PATH", fs::path(SAN_PROGRAM).parent_path().string() + ":" + std::getenv("PATH")}};
    const auto commands = shell_commands(text_of(document));
    if (commands.empty()) continue;
    const ProcessResult files = run_process({"sh", "-ec", kFiles}, options);
    ASSERT_EQ(files.code, 0) << files.out << files.err;
    for (const ShellCommand& command : commands) {
      if (not_run().contains(command.text)) {
        excepted.insert(command.text);
        continue;
      }
      const ProcessResult result = run_process({"sh", "-c", command.text}, options);
      EXPECT_EQ(result.code, 0) << document << ":" << command.line << ": " << command.text << "\n"
                                << result.err;
    }
  }
  EXPECT_EQ(excepted.size(), not_run().size()) << "an exception is left over from older documents";
}

/// `san [-v] segment INPUT --model FILE [--save json,labels] [--set …] [--quiet]`.
std::vector<manual::Command> small() {
  manual::Option model, save, set, quiet, help, input, verbose;
  model.names = {"-m", "--model"}, model.required = true;
  save.names = {"--save"}, save.choices = {"json", "labels"}, save.separator = ",";
  set.names = {"--set"}, set.repeats = true;
  quiet.names = {"--quiet"}, help.names = {"--help"}, verbose.names = {"-v"};
  input.positional = "input";
  for (manual::Option* option : {&model, &save, &set, &input}) option->value = "TEXT";
  manual::Command program, segment;
  segment.path = "san segment";
  segment.options = {model, save, set, quiet, help, input};
  program.path = "san";
  program.options = {verbose};
  program.commands = {segment};
  return {program};
}

TEST(UnknownWords, WhatExistsPasses) {
  for (const char* line :
       {"build/apps/san segment a.jpg --model m --save labels,json --quiet  # says nothing --here",
        "srun -n 8 san segment --model=m 'a b.jpg' > out | less --more",
        "san segment -m m --set A=1 B=2 --quiet a.jpg", "san segment … --quiet", "san segment --help",
        "san -v segment … --quiet", "san segment a.jpg --model m --save json,…",
        "san-other --model; echo san"})
    EXPECT_THAT(unknown_words(line, small(), true), IsEmpty()) << line;
}

TEST(UnknownWords, WhatDoesNotExistIsNamed) {
  EXPECT_THAT(
      unknown_words("X=1 san segment a.jpg b.jpg --model m --sav json --save labels,masks", small(), true),
      ElementsAre("san segment: no option --sav", "san segment: --save does not take masks",
                  "san segment: takes no b.jpg"));
  EXPECT_THAT(unknown_words("true && san segment a.jpg", small(), true),
              ElementsAre("san segment: --model is missing"));
  EXPECT_THAT(unknown_words("san segment", small(), false), IsEmpty());
  EXPECT_THAT(unknown_words("san segment -v", small(), false), ElementsAre("san segment: no option -v"));
  EXPECT_THAT(unknown_words("san sgment", small(), false), ElementsAre("san: takes no sgment"));
}

}  // namespace
}  // namespace san::testing
