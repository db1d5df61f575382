// Class lists mean the same in every command.
#include <nlohmann/json.hpp>

#include "cli_fixture.h"
#include "image/codec/encode.h"

namespace san::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ClassLists : public Cli {
 protected:
  ClassLists() {
    picture("data/images/a.png", 32, 32);
    std::filesystem::create_directories(folder_ / "data/labels");
    write_labels(folder_ / "data/labels/a.png", LabelMap(32, 32, 1));
  }

  ProcessResult evaluate(const std::vector<std::string>& classes) const {
    std::vector<std::string> arguments{"evaluate", "--model",     "formula:tiny", "--images", "data/images",
                                       "--labels", "data/labels", "--json",       "--quiet"};
    arguments.insert(arguments.end(), classes.begin(), classes.end());
    return san(arguments);
  }
};

/// What `evaluate --json` says of the classes: "IoU-NAME", ….
nlohmann::json scores(const ProcessResult& result) {
  expect_success(result);
  return nlohmann::json::parse(result.out).at("results");
}

TEST_F(ClassLists, MeanTheSameInEvaluateAsInSegment) {
  const std::string file = "# by label value\ncar, automobile\n\nsofa|couch\r\n";
  write_file(folder_ / "names.txt", file);
  write_file(folder_ / "data/classes.txt", file);
  const auto from_file = scores(evaluate({"--classes-file", "names.txt"}));
  EXPECT_TRUE(from_file.contains("IoU-car, automobile"));
  EXPECT_TRUE(from_file.contains("IoU-sofa")) << "the label is the first of the names";
  EXPECT_FALSE(from_file.contains("IoU-couch"));
  const ProcessResult folder =
      san({"evaluate", "--model", "formula:tiny", "--dataset", "data", "--json", "--quiet"});
  EXPECT_EQ(scores(folder), from_file);
  const auto inline_names = scores(evaluate({"--classes", "car, sofa|couch"}));
  EXPECT_TRUE(inline_names.contains("IoU-car") && inline_names.contains("IoU-sofa"));
}

TEST_F(ClassLists, BeyondTheLimitAreReadOnceItIsRaised) {
  write_file(folder_ / "names.txt", "# " + std::string(std::size_t{5} << 20, 'x') + "\ncar\nsofa\n");
  const std::vector<std::string> classes{"--classes-file", "names.txt"};
  expect_error(
      evaluate(classes), 2,
      "names.txt: 5242892 bytes, more than the 4194304 that are read; for a file that you trust --limits N");
  EXPECT_TRUE(scores(evaluate({"--classes-file", "names.txt", "--limits", "2"})).contains("IoU-car"));
  ::setenv("SAN_LIMITS", "2", 1);
  EXPECT_TRUE(scores(evaluate(classes)).contains("IoU-car"));
  ::setenv("SAN_LIMITS", "many", 1);
  expect_error(evaluate(classes), 2, "SAN_LIMITS: 'many'; expected a whole number from 1 to 1000");
  ::unsetenv("SAN_LIMITS");
}

TEST_F(ClassLists, AFileGivenToClassesIsReadWithAHint) {
  write_file(folder_ / "names.txt", "car\nsofa\n");
  const ProcessResult old = evaluate({"--classes", "names.txt"});
  EXPECT_EQ(scores(old), scores(evaluate({"--classes-file", "names.txt"})));
  EXPECT_THAT(old.err, HasSubstr("write --classes-file names.txt"));
  write_file(folder_ / "cat", "not a list");
  picture("a.png", 32, 32);
  const ProcessResult name = segment({"a.png"}, {"--classes", "cat, dog", "--save", "json"});
  expect_success(name);
  EXPECT_THAT(name.err, Not(HasSubstr("--classes-file")));
}

TEST_F(ClassLists, ANumberGivenToClassesIsTakenWithAHint) {
  const ProcessResult old = san({"bench", "--model", "formula:tiny", "--classes", "9", "--size", "7x7"});
  expect_error(old, 2, "--size 7x7");
  EXPECT_THAT(old.err, HasSubstr("write --class-count 9"));
  expect_error(san({"bench", "--model", "formula:tiny", "--classes", "cat"}), 2,
               "--classes cat: expected how many, as --class-count takes it");
}

TEST_F(ClassLists, ErrorsNameFileAndLine) {
  picture("a.png", 32, 32);
  write_file(folder_ / "names.txt", "# list\ncat\nd\x1b[2Jog\n");
  const std::string place = "names.txt:3: the name 'd\\x1b[2Jog' has control characters";
  expect_error(segment({"a.png"}, {"--classes-file", "names.txt"}), 2, place);
  expect_error(evaluate({"--classes-file", "names.txt"}), 2, place);
  expect_error(evaluate({"--classes-file", "names.txt", "--classes", "cat"}), 2, "not both");
  expect_error(evaluate({}), 2, "--classes-file");
}

TEST_F(ClassLists, ScenesOfTheDemoWorldMayLieInACacheThatIsNamedFromHere) {
  std::filesystem::create_directory(folder_ / "world");
  std::filesystem::copy_file(std::string(SAN_SOURCE_DIR) + "/configs/world/pack.pictures",
                             folder_ / "world/train.pictures");
  const std::vector<std::string> command{"evaluate",
                                         "--dataset",
                                         "demo-world",
                                         "--world",
                                         "world",
                                         "--concepts",
                                         std::string(SAN_SOURCE_DIR) + "/configs/world/demo.tsv",
                                         "--cache-dir",
                                         "kept",
                                         "--limit",
                                         "1",
                                         "--model",
                                         "formula:tiny",
                                         "--quiet",
                                         "--threads",
                                         "1"};
  const ProcessResult first = san(command);
  expect_success(first);
  EXPECT_THAT(first.err, HasSubstr("rendering 500 scenes"));
  const ProcessResult again = san(command);
  expect_success(again);
  EXPECT_THAT(again.err, Not(HasSubstr("rendering")));
}

}  // namespace
}  // namespace san::testing
