#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "checkpoint/safetensors.h"
#include "cli_fixture.h"
#include "image/codec/decode.h"

namespace san::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::vector<std::string> kClasses{"--classes", "cat, sofa|couch, wall"};

std::vector<std::string> with_classes(std::vector<std::string> more) {
  more.insert(more.begin(), kClasses.begin(), kClasses.end());
  return more;
}

class Segment : public Cli {};

TEST_F(Segment, WritesAnOverlayUnlessToldOtherwise) {
  picture("a.png");
  const ProcessResult r = segment({"a.png"}, kClasses);
  expect_success(r);
  EXPECT_THAT(r.out, HasSubstr("a.png: "));
  EXPECT_THAT(r.err, HasSubstr("random")) << "weights that mean nothing must be called so";
  EXPECT_THAT(results(), ElementsAre("a.overlay.png"));
  const Image overlay = decode_image(folder_ / "out/a.overlay.png");
  EXPECT_GE(overlay.height, 60);
  EXPECT_GT(overlay.width, 80) << "the legend stands beside the picture";
}

TEST_F(Segment, EverythingItCanSaveFitsTogether) {
  picture("a.png");
  expect_success(segment({"a.png"}, with_classes({"--save", "overlay,labels,json,masks,scores"})));

  const LabelMap labels = decode_labels(folder_ / "out/a.labels.png");
  ASSERT_EQ(labels.height, 60);
  ASSERT_EQ(labels.width, 80);
  EXPECT_LT(*std::ranges::max_element(labels.labels), 3);

  EXPECT_TRUE(result("a.json").ends_with("}\n")) << "a text file's last line ends, and no empty one follows";
  const json report = json::parse(result("a.json"));
  EXPECT_EQ(report["width"], 80);
  EXPECT_EQ(report["height"], 60);
  std::int64_t area = 0;
  for (const json& entry : report["classes"]) {
    const int index = entry["index"];
    EXPECT_EQ(entry["area"], std::ranges::count(labels.labels, static_cast<Label>(index)));
    EXPECT_THAT((std::vector<std::string>{"cat", "sofa", "wall"}), ::testing::Contains(entry["name"]));
    EXPECT_GT(entry["mean_score"], 0.0);
    EXPECT_EQ(entry["segmentation"]["size"], json({60, 80}));
    EXPECT_FALSE(entry["segmentation"]["counts"].get<std::string>().empty());
    area += entry["area"].get<std::int64_t>();
  }
  EXPECT_EQ(area, 60 * 80) << "every pixel has one class";

  const auto scores = SafetensorsFile::open(folder_ / "out/a.scores.safetensors");
  ASSERT_THAT(scores->names(), ElementsAre("0000 cat", "0001 sofa", "0002 wall"));
  std::vector<std::vector<float>> values;
  for (const std::string& name : scores->names()) {
    EXPECT_EQ(scores->shape(name), (Shape{60, 80}));
    values.push_back(scores->load(name).to_f32());
  }
  for (std::size_t p = 0; p < labels.labels.size(); ++p)
    for (const auto& score : values)
      ASSERT_LE(score[p], values[labels.labels[p]][p] + 1e-6f)
          << "pixel " << p << " (rounding of two code paths)";

  std::size_t masks = 0;
  for (const std::string& file : results()) masks += file.starts_with("a.masks/") ? 1 : 0;
  EXPECT_EQ(masks, report.value("proposals", json::array()).size());
}

TEST_F(Segment, BackgroundOtherAddsOneLabel) {
  picture("a.png");
  expect_success(segment({"a.png"}, with_classes({"--save", "labels,json", "--background", "other"})));
  const LabelMap labels = decode_labels(folder_ / "out/a.labels.png");
  EXPECT_LE(*std::ranges::max_element(labels.labels), 3);
  const json report = json::parse(result("a.json"));
  for (const json& entry : report["classes"]) {
    EXPECT_EQ(entry["index"].is_null(), entry["name"] == "other");
  }
}

TEST_F(Segment, TwoRunsGiveIdenticalBytes) {
  picture("a.png");
  picture("b.png", 90, 70, 2);
  const auto run = [&](const char* threads) {
    fs::remove_all(folder_ / "out");
    expect_success(segment({"a.png", "b.png"}, with_classes({"--save", "overlay,labels,json,masks,scores",
                                                             "--threads", threads})));
    std::map<std::string, std::string> files;
    for (const std::string& file : results()) files[file] = result(file);
    return files;
  };
  const auto first = run("1");
  EXPECT_GE(first.size(), 8u);
  EXPECT_EQ(run("1"), first) << "the second run reads its text embeddings from the cache";
  EXPECT_EQ(run("2"), first) << "the number of threads must not show";
}

TEST_F(Segment, AllBuiltInLabelSetsAndTheirPalettes) {
  picture("a.png", 32, 32);
  const std::map<std::string, int> sets{{"ade20k-150", 150},       {"ade20k-847", 847},
                                        {"coco-stuff-171", 171},   {"pascal-context-459", 459},
                                        {"pascal-context-59", 59}, {"voc-20", 20}};
  for (const auto& [name, classes] : sets) {
    // One template: fourteen prompts of every name add nothing here.
    const std::vector<std::string> cheap{"--save", "labels", "--templates", "single"};
    std::vector<std::string> options{"--label-set", name};
    options.insert(options.end(), cheap.begin(), cheap.end());
    expect_success(segment({"a.png"}, options));
    const LabelMap labels = decode_labels(folder_ / "out/a.labels.png");
    EXPECT_LT(*std::ranges::max_element(labels.labels), classes) << name;
  }
  expect_success(
      segment({"a.png"}, {"--label-set", "voc-20", "--palette", "dataset", "--templates", "single"}));
  expect_error(segment({"a.png"}, {"--label-set", "voc-21"}), 2, "voc-21");
  expect_error(segment({"a.png"}, with_classes({"--palette", "dataset"})), 2, "--label-set");
}

TEST_F(Segment, ClassesFromAFile) {
  picture("a.png", 32, 32);
  write_file(folder_ / "classes.txt", "cat\r\n\nsofa|couch\nwall\n");
  expect_success(segment({"a.png"}, {"--classes-file", "classes.txt", "--save", "labels"}));
  const std::string by_file = result("a.labels.png");
  expect_success(segment({"a.png"}, with_classes({"--save", "labels"})));
  EXPECT_EQ(result("a.labels.png"), by_file);
}

TEST_F(Segment, MoreClassesThanAPngTellsApartGoIntoATiff) {
  picture("a.png");
  std::string list;
  for (int i = 0; i < 70'000; ++i) list += fmt::format("thing{}\n", i);
  write_file(folder_ / "many.txt", list);
  const std::vector<std::string> many{"--classes-file", "many.txt", "--templates", "single", "--no-cache"};
  const auto and_save = [&](std::initializer_list<std::string> more) {
    std::vector<std::string> all = many;
    all.insert(all.end(), more);
    return all;
  };
  expect_success(segment({"a.png"}, and_save({"--save", "labels,json"})));
  EXPECT_THAT(results(), ElementsAre("a.json", "a.labels.tif"));
  EXPECT_EQ(result("a.labels.tif").substr(0, 4), std::string("II*\0", 4));
  for (const char* kind : {"cityscapes", "labels"}) {
    const ProcessResult r = segment({"a.png"}, and_save({"--save", kind, "--output", "-"}));
    EXPECT_EQ(r.code, 2);
    EXPECT_THAT(r.err, HasSubstr(fmt::format("--save {}: 70000 classes", kind)));
  }
}

TEST_F(Segment, FoldersAndGlobsAndEqualStems) {
  picture("p/one.png", 32, 32);
  picture("p/two.jpg", 32, 32);
  picture("p/two.png", 32, 32);
  write_file(folder_ / "p/notes.txt", "no picture");
  expect_success(segment({"p"}, with_classes({"--save", "labels"})));
  EXPECT_THAT(results(), ElementsAre("one.labels.png", "two.jpg.labels.png", "two.png.labels.png"));

  fs::remove_all(folder_ / "out");
  expect_success(segment({"p/*.jpg"}, with_classes({"--save", "labels"})));
  EXPECT_THAT(results(), ElementsAre("two.labels.png"));

  fs::remove_all(folder_ / "out");
  picture("q/one.png", 32, 32);
  expect_success(segment({"p/one.png", "q/one.png"}, with_classes({"--save", "labels"})));
  EXPECT_EQ(results().size(), 2u);

  fs::create_directory(folder_ / "empty");
  expect_error(segment({"empty"}, kClasses), 2, "no pictures");
  expect_error(segment({"none/*.png"}, kClasses), 2, "none/*.png");
}

TEST_F(Segment, ABadPictureIsSkippedAndTheExitCodeTells) {
  picture("a.png", 32, 32);
  picture("c.png", 32, 32);
  write_file(folder_ / "b.png", "this is not a picture");
  const ProcessResult r = segment({"a.png", "b.png", "c.png"}, with_classes({"--save", "labels"}));
  EXPECT_EQ(r.code, 1);
  const auto lines = complaints(r);
  ASSERT_EQ(lines.size(), 2u) << r.err;
  EXPECT_THAT(lines[0], ::testing::AllOf(HasSubstr("error: "), HasSubstr("b.png"), HasSubstr("skipped")));
  EXPECT_THAT(lines[1], HasSubstr("1 of 3"));
  EXPECT_THAT(results(), ElementsAre("a.labels.png", "c.labels.png"));
}

// A picture whose header promises what its file cannot hold must cost no memory.
TEST_F(Segment, AbsurdPictureSizesAreRefused) {
  const auto header = [](std::uint32_t width, std::uint32_t height) {
    std::string png("\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR", 16);
    for (const std::uint32_t n : {width, height})
      for (int shift = 24; shift >= 0; shift -= 8) png += static_cast<char>(n >> shift & 255);
    return png + std::string("\x08\x02\0\0\0\0\0\0\0", 9);
  };
  write_file(folder_ / "huge.png", header(0x7fffffff, 0x7fffffff));
  write_file(folder_ / "none.png", header(0, 10));
  write_file(folder_ / "cut.png", header(64, 64));
  write_file(folder_ / "empty.png", "");
  for (const char* name : {"huge.png", "none.png", "cut.png", "empty.png"}) {
    const ProcessResult r = segment({name}, kClasses);
    EXPECT_EQ(r.code, 1) << name;
    EXPECT_THAT(r.err, HasSubstr(std::string("error: ") + name)) << r.err;
    EXPECT_THAT(results(), IsEmpty()) << name;
  }
}

TEST_F(Segment, OutputThatCannotBeWritten) {
  picture("a.png", 32, 32);
  write_file(folder_ / "taken", "a file");
  expect_error(segment({"a.png"}, with_classes({"--output", "taken"})), 2, "taken");
  EXPECT_EQ(read_file(folder_ / "taken"), "a file");

  fs::create_directories(folder_ / "out/a.labels.png");
  const ProcessResult r = segment({"a.png"}, with_classes({"--save", "labels"}));
  EXPECT_EQ(r.code, 1) << r.err;
  EXPECT_THAT(r.err, HasSubstr("a.labels.png"));
  EXPECT_THAT(results(), IsEmpty()) << "no temporary file may stay behind";
}

TEST_F(Segment, ReadsAPictureFromStandardInput) {
  picture("a.png", 40, 56);
  picture("stdin.png", 40, 56);
  const std::string segment_it =
      " segment - --quiet --model formula:tiny --threads 1 --save labels --classes 'cat, wall'";
  const auto shell = [&](const std::string& before, const std::string& after) {
    ProcessOptions options;
    options.folder = folder_.path();
    options.environment = {{"SAN_CACHE_DIR", (folder_ / "cache").string()}};
    return run_process({"sh", "-c", before + SAN_PROGRAM + segment_it + after}, options);
  };
  expect_success(shell("cat a.png | ", " --output out"));
  expect_success(segment({"a.png"}, {"--classes", "cat, wall", "--save", "labels"}));
  EXPECT_EQ(result("stdin.labels.png"), result("a.labels.png"));
  expect_success(shell("", " stdin.png --output both < a.png"));
  EXPECT_THAT(files_below(folder_ / "both"), ElementsAre("stdin-2.labels.png", "stdin.labels.png"));
  for (const auto& [input, words] : {std::pair{"printf '' | ", "standard input is empty"},
                                     {"printf 'no picture' | ", "standard input"},
                                     {"head -c 100 a.png | ", "standard input"}}) {
    const ProcessResult r = shell(input, " --output bad");
    EXPECT_EQ(r.code, 1) << r.err;
    EXPECT_THAT(r.err, HasSubstr(words));
  }
  expect_error(shell("cat a.png | ", " - --output bad"), 2, "give - once");
}

TEST_F(Segment, OneClassIsSaidToBeEverywhere) {
  picture("a.png", 32, 32);
  const auto told = [&](const std::vector<std::string>& more) {
    const ProcessResult r = segment({"a.png"}, more);
    expect_success(r);
    return r.err.find("every pixel becomes 'cat'") != std::string::npos;
  };
  EXPECT_TRUE(told({"--classes", "cat|kitten"}));
  EXPECT_FALSE(told({"--classes", "cat|kitten", "--background", "other"}));
  EXPECT_FALSE(told({"--classes", "cat, dog"}));
}

class ClassNames : public Cli {
 protected:
  void expect_refused(const std::string& classes, const std::string& words) {
    SCOPED_TRACE(classes.substr(0, 40));
    expect_error(segment({"a.png"}, {"--classes", classes}), 2, words);
    EXPECT_THAT(results(), IsEmpty());
  }
};

TEST_F(ClassNames, ThatCannotBeUsedAreNamed) {
  picture("a.png", 32, 32);
  expect_refused(" ", "empty");
  expect_refused("cat,,dog", "empty");
  expect_refused("cat|, dog", "empty");
  expect_refused("cat, dog, Cat ", "twice");
  expect_refused("cat, dog|cat", "twice");
  expect_refused("cat, do\x01g", "control");
  expect_refused("cat, \xff\xfe", "UTF-8");
  expect_refused("cat, \xe3\x80\x80", "");
  std::string endless = "cat, ";
  for (int i = 0; i < 300; ++i) endless += "word" + std::to_string(i) + " ";
  expect_refused(endless, "too long");
}

TEST_F(ClassNames, OfAnyScriptAreKept) {
  picture("a.png", 32, 32);
  const std::string names = "猫, собака, café, naïve 🐈, ظبي";
  expect_success(segment({"a.png"}, {"--classes", names, "--save", "overlay,json,masks,scores"}));
  const auto scores = SafetensorsFile::open(folder_ / "out/a.scores.safetensors");
  EXPECT_TRUE(scores->contains("0003 naïve 🐈"));
}

TEST_F(Segment, WrongOptionsAreExplained) {
  picture("a.png", 32, 32);
  expect_error(san({}), 2, "subcommand");
  expect_error(san({"segmnt"}), 2, "there is no command 'san segmnt'; did you mean segment?");
  expect_error(san({"-v", "foo", "a.png"}), 2,
               "there is no command 'san foo'; there are bank, bench, convert, evaluate");
  expect_error(san({"world", "buld"}), 2, "there is no command 'san world buld'; did you mean build?");
  expect_error(segment({"a.png"}, {}), 2, "--classes");
  expect_error(segment({"a.png"}, with_classes({"--label-set", "voc-20"})), 2, "--label-set");
  expect_error(segment({"a.png"}, with_classes({"--save", "overlay,everything"})), 2, "everything");
  expect_error(segment({"a.png"}, with_classes({"--background", "maybe"})), 2, "maybe");
  expect_error(segment({"a.png"}, with_classes({"--threads", "-1"})), 2, "--threads");
  expect_error(segment({"a.png"}, with_classes({"--threads", "two"})), 2, "two");
  expect_error(segment({"a.png"}, with_classes({"--backend", "abacus"})), 2, "abacus");
  expect_error(segment({"a.png"}, with_classes({"--frobnicate"})), 2,
               "`san segment` has no option --frobnicate; `san segment --help` says more");
  expect_error(segment({"a.png"}, with_classes({"--backgroud", "other"})), 2, "did you mean --background?");
  expect_error(segment({"a.png"}, {"--clases=cat"}), 2, "no option --clases; did you mean --classes?");
  expect_error(segment({"no\x1b[2Jfile.png"}, kClasses), 2, "no\\x1b[2Jfile.png");
  expect_error(segment({"a.png"}, with_classes({"--templates", "nothing"})), 2, "nothing");
  expect_error(segment({"none.png"}, kClasses), 2, "none.png");
  expect_error(segment({}, kClasses), 2, "images");
  EXPECT_THAT(results(), IsEmpty());
}

}  // namespace
}  // namespace san::testing
