// The README's commands are run as written, and its programs are those the package test builds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <regex>

#include "support/files.h"
#include "support/markdown.h"
#include "support/process.h"

namespace san::testing {
namespace {

namespace fs = std::filesystem;

// Commands no test can run, and why.
const std::map<std::string, std::string>& not_run() {
  static const std::map<std::string, std::string> kReasons{
      {"sudo apt install ./san_0.1.0_amd64.deb",
       "changes the system; packaging/check-deb.sh installs it into another"},
      {"make demo", "builds and runs the whole; the same programs run here"},
      {"make test", "runs this test"},
      {"san pull san-vit-b-16", "needs the network; pull_test fetches from a hub on this machine"},
      {"san segment photo.jpg --model san-vit-b-16 --classes \"cat, sofa|couch, wall\"",
       "needs released weights; pull_test segments by the name of a fetched model"},
      {"san convert san_vit_b_16.pth --bpe bpe_simple_vocab_16e6.txt.gz --output san.safetensors",
       "needs released weights; cli_test converts a checkpoint of the same format"},
      {"san segment \"photos/*.jpg\" --model san.safetensors --label-set coco-stuff-171 --save labels,json",
       "needs released weights; cli_test segments globs by label sets"},
      {"make wheel", "python_wheel_test builds it"},
      {"python3 -m pip install build/release/wheel/san_cpp-*.whl",
       "python_wheel_test installs it into a fresh environment"},
  };
  return kReasons;
}

// Figures depend on the machine; the words around them do not.
std::string without_figures(const std::string& text) {
  return std::regex_replace(text, std::regex(R"([\d.,]+)"), "#");
}

TEST(Readme, OpensWithInstallingPullingAndTheTwoCommandsThatBuild) {
  const auto commands = shell_commands(read_file(fs::path(SAN_SOURCE_DIR) / "README.md"));
  ASSERT_GE(commands.size(), 5u);
  EXPECT_TRUE(commands[0].text.starts_with("sudo apt install ./san_" SAN_PROJECT_VERSION "_"))
      << commands[0].text;
  EXPECT_EQ(commands[1].text, "san pull san-vit-b-16");
  EXPECT_TRUE(commands[2].text.starts_with("san segment photo.jpg --model san-vit-b-16 "))
      << commands[2].text;
  EXPECT_EQ(commands[3].text, "make demo");
  EXPECT_EQ(commands[4].text, "make test");
}

TEST(Readme, EveryCommandWorksAndPrintsWhatItSays) {
  const TemporaryFolder folder;
  fs::create_directory_symlink(fs::path(SAN_SOURCE_DIR) / "configs", folder / "configs");
  ProcessOptions options;
  options.folder = folder.path();
  options.environment = {{"SAN_CACHE_DIR", (folder / "cache").string()},
                         {"PATH", fs::path(SAN_PROGRAM).parent_path().string() + ":" + std::getenv("PATH")}};
  std::size_t excepted = 0;
  for (const ShellCommand& command : shell_commands(read_file(fs::path(SAN_SOURCE_DIR) / "README.md"))) {
    if (not_run().contains(command.text)) {
      ++excepted;
      continue;
    }
    const ProcessResult result = run_process({"sh", "-c", command.text}, options);
    EXPECT_EQ(result.code, 0) << "README.md:" << command.line << ": " << command.text << "\n" << result.err;
    if (!command.expected.empty()) {
      EXPECT_EQ(without_figures(result.out), without_figures(command.expected))
          << "README.md:" << command.line << ": " << command.text;
    }
  }
  EXPECT_EQ(excepted, not_run().size()) << "an exception is left over from an older README";
}

TEST(Readme, ProgramsAreThoseThePackageTestBuilds) {
  const std::string text = read_file(fs::path(SAN_SOURCE_DIR) / "README.md");
  const fs::path examples = fs::path(SAN_SOURCE_DIR) / "examples";
  EXPECT_THAT(code_blocks(text, "cpp"), ::testing::ElementsAre(read_file(examples / "one_picture.cpp")));
  EXPECT_THAT(code_blocks(text, "c"), ::testing::ElementsAre(read_file(examples / "in_c.c")));
}

}  // namespace
}  // namespace san::testing
