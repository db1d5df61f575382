// What is written is judged by those who read it: groff, bash, and, where they are installed, zsh and fish.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "completion.h"
#include "man_page.h"
#include "support/files.h"
#include "support/process.h"

namespace san::manual {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

constexpr const char* kTable = R"json({
 "name": "san", "description": "san: a picture in. It's 'quoted'.", "footer": "Exit code 0:\n.all done", "elsewhere": false,
 "options": [
  {"names": ["-h", "--help"], "positional": "", "value": "", "choices": [], "limits": "", "default": "", "separator": "",
   "required": false, "repeats": false, "description": "Print this help [all of it]: and exit", "group": ""}],
 "commands": [
  {"name": "segment", "description": "Give every pixel a class", "footer": "", "elsewhere": false, "commands": [],
   "options": [
    {"names": [], "positional": "images", "value": "TEXT", "choices": [], "limits": "", "default": "", "separator": "",
     "required": true, "repeats": true, "description": "Pictures", "group": ""},
    {"names": ["-m", "--model"], "positional": "", "value": "TEXT", "choices": [], "limits": "", "default": "default",
     "separator": "", "required": false, "repeats": false, "description": "Model file. \"default\" is built in", "group": ""},
    {"names": ["--method"], "positional": "", "value": "TEXT", "choices": ["san", "crops"], "limits": "", "default": "",
     "separator": "", "required": false, "repeats": false, "description": "How labels are made", "group": ""},
    {"names": ["-s", "--save"], "positional": "", "value": "TEXT", "choices": ["overlay", "labels", "json"], "limits": "",
     "default": "overlay", "separator": ",", "required": false, "repeats": true, "description": "What to write", "group": ""},
    {"names": ["-c", "--classes"], "positional": "", "value": "TEXT", "choices": [], "limits": "", "default": "",
     "separator": "", "required": false, "repeats": false, "description": "Names", "group": "Classes: one of these"}]},
  {"name": "train", "description": "Train", "footer": "", "elsewhere": true, "options": [], "commands": []},
  {"name": "world", "description": "Scenes", "footer": "", "elsewhere": true, "options": [], "commands": []}]})json";

constexpr const char* kWorld = R"json({
 "name": "san world", "description": "Render scenes", "footer": "", "elsewhere": false, "options": [], "commands": [
  {"name": "render", "description": "Write scenes", "footer": "", "elsewhere": false, "commands": [], "options": [
    {"names": ["--count"], "positional": "", "value": "INT", "choices": [], "limits": "INT in [1 - 9]", "default": "4",
     "separator": "", "required": false, "repeats": false, "description": "Scenes", "group": ""}]}]})json";

Command whole() {
  return merge({parse_table(kTable, "table"), parse_table(kWorld, "world")});
}

TEST(OptionTable, TakesCommandsOfCompanions) {
  const Command root = whole();
  std::vector<std::string> paths;
  for (const Command* c : all_commands(root)) paths.push_back(c->path);
  EXPECT_THAT(paths, ElementsAre("san", "san segment", "san train", "san world", "san world render"));
  EXPECT_TRUE(root.commands[1].elsewhere) << "nobody has it";
  EXPECT_FALSE(root.commands[2].elsewhere);
  EXPECT_EQ(root.commands[2].commands[0].options[0].default_value, "4");
  EXPECT_EQ(root.commands[2].commands[0].page(), "san-world-render");
}

TEST(OptionTable, WhatIsNoneIsRefusedByName) {
  for (const char* text : {"", "{}", "[1]", R"({"name": 3})"}) try {
      parse_table(text, "some.json");
      ADD_FAILURE() << text;
    } catch (const Error& e) {
      EXPECT_THAT(e.what(), HasSubstr("some.json"));
    }
}

/// A page as a reader sees it; empty, with a failure, where groff complains of anything.
std::string rendered(const std::string& page) {
  const testing::TemporaryFolder folder;
  testing::write_file(folder / "page.1", page);
  testing::ProcessOptions options;
  options.environment = {{"GROFF_NO_SGR", "1"}};
  const testing::ProcessResult r = testing::run_process(
      {"groff", "-man", "-Tutf8", "-ww", "-P-cbou", (folder / "page.1").string()}, options);
  EXPECT_EQ(r.code, 0) << r.err;
  EXPECT_EQ(r.err, "") << page;
  return r.out;
}

bool has(const char* program) {
  return testing::run_process({"sh", "-c", std::string("command -v ") + program}).code == 0;
}

TEST(ManPage, SaysWhatTheTableSays) {
  if (!has("groff")) GTEST_SKIP() << "groff is not installed";
  const Command root = whole();
  const std::string segment = rendered(man_page(root.commands[0], root, "1.2.3"));
  for (const char* text : {"SAN-SEGMENT(1)", "san 1.2.3", "san-segment - Give every pixel a class",
                           "-m, --model TEXT", "Model file. \"default\" is built in.", "Default: default.",
                           "One of: san, crops.", "Several are", "Classes: one of these", "images..."})
    EXPECT_THAT(segment, HasSubstr(text));
  const std::string top = rendered(man_page(root, root, "1.2.3"));
  EXPECT_THAT(top, HasSubstr("It's 'quoted'."));
  EXPECT_THAT(top, HasSubstr(".all done")) << "text is no request";
  EXPECT_THAT(top, HasSubstr("san-world(1)"));
  EXPECT_THAT(rendered(man_page(root.commands[1], root, "1")), HasSubstr("san train --help"));
  EXPECT_THAT(rendered(man_page(root.commands[2].commands[0], root, "1")), HasSubstr("Within [1 - 9]."));
}

class Bash : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has("bash")) GTEST_SKIP() << "bash is not installed";
  }
  /// What is offered for the last of `words`.
  std::vector<std::string> offered(const std::vector<std::string>& words) {
    testing::write_file(folder_ / "script", bash_completion(whole()));
    std::string line;
    for (const std::string& word : words) line += " '" + word + "'";
    const testing::ProcessResult r =
        testing::run_process({"bash", "-uc",
                              "source '" + (folder_ / "script").string() + "'; COMP_WORDS=(" + line +
                                  "); COMP_CWORD=" + std::to_string(words.size() - 1) +
                                  "; _san; printf '%s\\n' \"${COMPREPLY[@]}\""});
    EXPECT_EQ(r.err, "");
    std::vector<std::string> lines = testing::lines_of(r.out);
    std::erase(lines, "");
    return lines;
  }
  testing::TemporaryFolder folder_;
};

TEST_F(Bash, OffersCommandsOptionsAndChoices) {
  EXPECT_THAT(offered({"san", ""}), UnorderedElementsAre("segment", "train", "world"));
  EXPECT_THAT(offered({"san", "s"}), ElementsAre("segment"));
  EXPECT_THAT(offered({"san", "world", ""}), ElementsAre("render"));
  EXPECT_THAT(offered({"san", "world", "render", "--c"}), ElementsAre("--count"));
  EXPECT_THAT(offered({"san", "segment", "--m"}), UnorderedElementsAre("--model", "--method"));
  EXPECT_THAT(offered({"san", "segment", "--method", ""}), UnorderedElementsAre("san", "crops"));
  EXPECT_THAT(offered({"san", "segment", "--method", "=", "c"}), ElementsAre("crops"));
  EXPECT_THAT(offered({"san", "segment", "--method", "="}), UnorderedElementsAre("san", "crops"));
  EXPECT_THAT(offered({"san", "segment", "-s", "overlay,l"}), ElementsAre("overlay,labels"));
  EXPECT_THAT(offered({"san", "segment", "--model", ""}), IsEmpty()) << "readline offers files";
  EXPECT_THAT(offered({"san", "segment", "pic"}), IsEmpty());
}

TEST(Zsh, ScriptIsRead) {
  const testing::TemporaryFolder folder;
  testing::write_file(folder / "_san", zsh_completion(whole()));
  EXPECT_THAT(zsh_completion(whole()),
              HasSubstr("'(-h --help)--help[Print this help \\[all of it\\]\\: and exit]'"));
  if (!has("zsh")) GTEST_SKIP() << "zsh is not installed";
  const testing::ProcessResult r = testing::run_process({"zsh", "-n", (folder / "_san").string()});
  EXPECT_EQ(r.code, 0) << r.err;
}

TEST(Fish, OffersCommandsOptionsAndChoices) {
  if (!has("fish")) GTEST_SKIP() << "fish is not installed";
  const testing::TemporaryFolder folder;
  testing::write_file(folder / "san.fish", fish_completion(whole()));
  const auto offered = [&](const std::string& line) {
    testing::ProcessOptions options;
    options.environment = {{"HOME", folder.path().string()}};
    const testing::ProcessResult r =
        testing::run_process({"fish", "--no-config", "-c",
                              "source '" + (folder / "san.fish").string() + "'; complete -C '" + line + "'"},
                             options);
    EXPECT_EQ(r.code, 0) << r.err;
    return r.out;
  };
  EXPECT_THAT(offered("san "), HasSubstr("segment\tGive every pixel a class\n"));
  EXPECT_THAT(offered("san segment --m"), ::testing::AllOf(HasSubstr("--method"), HasSubstr("--model")));
  EXPECT_THAT(offered("san segment --method "),
              ::testing::AllOf(HasSubstr("crops"), Not(HasSubstr("overlay"))));
  EXPECT_THAT(offered("san segment --save overlay,l"), HasSubstr("overlay,labels"));
  EXPECT_THAT(offered("san world render --c"), HasSubstr("--count"));
}

}  // namespace
}  // namespace san::manual
