// Many pictures: lists, parts, what an earlier run has done, manifests.
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli_fixture.h"
#include "image/codec/decode.h"

namespace san::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Collection : public Cli {
 protected:
  Collection() {
    for (int i = 0; i < 7; ++i) picture(name(i), 32, 40 + i, i);
    std::string list;
    for (int i = 0; i < 7; ++i) list += name(i) + (i == 3 ? "\r\n\n" : "\n");
    write_file(folder_ / "list.txt", list);
  }
  static std::string name(int i) {
    return "pictures/" + std::string(i % 2 ? "odd/" : "") + "p" + std::to_string(i) + ".png";
  }

  ProcessResult list(std::vector<std::string> more, const std::string& output = "out") const {
    std::vector<std::string> all{"--list", "list.txt", "--classes", "cat, sofa|couch, wall",
                                 "--save", "labels",   "--output",  output};
    all.insert(all.end(), more.begin(), more.end());
    return segment({}, all);
  }
  std::vector<json> manifest(const std::string& file) const {
    std::vector<json> rows;
    for (const std::string& line : lines_of(read_file(folder_ / file)))
      if (!line.empty()) rows.push_back(json::parse(line));
    return rows;
  }
};

TEST_F(Collection, AListIsNamedAfterItsPathsAndNotedInAManifest) {
  expect_success(list({}));
  EXPECT_THAT(results(), ElementsAre("manifest.jsonl", "pictures/odd/p1.png.labels.png",
                                     "pictures/odd/p3.png.labels.png", "pictures/odd/p5.png.labels.png",
                                     "pictures/p0.png.labels.png", "pictures/p2.png.labels.png",
                                     "pictures/p4.png.labels.png", "pictures/p6.png.labels.png"));
  const auto rows = manifest("out/manifest.jsonl");
  ASSERT_EQ(rows.size(), 9u);
  EXPECT_EQ(rows[0]["part"], "1/1");
  EXPECT_EQ(rows[0]["settings"]["classes"], json({"cat", "sofa", "wall"}));
  for (int i = 0; i < 7; ++i) {
    const json& row = rows[static_cast<std::size_t>(i) + 1];
    EXPECT_EQ(row["number"], i);
    EXPECT_EQ(row["input"], name(i));
    EXPECT_EQ(row["status"], "done");
    EXPECT_EQ(row["width"], 40 + i);
    EXPECT_EQ(row["files"], json({name(i) + ".labels.png"}));
    std::int64_t area = 0;
    for (const auto& [_, pixels] : row["areas"].items()) area += pixels.get<std::int64_t>();
    EXPECT_EQ(area, 32 * (40 + i));
  }
  EXPECT_EQ(rows[8], json({{"complete", true}}));
}

TEST_F(Collection, JobsDoNotShow) {
  const ProcessResult one = list({"--jobs", "1", "--threads", "1"});
  expect_success(one);
  const auto files = results();
  const std::vector<std::vector<std::string>> ways{{"--jobs", "3"},
                                                   {"--threads", "3"},
                                                   {"--jobs", "2", "--threads", "3"},
                                                   {"--jobs", "4", "--threads", "2"}};
  for (std::size_t i = 0; i < ways.size(); ++i) {
    const std::string output = "way" + std::to_string(i);
    const ProcessResult run = list(ways[i], output);
    expect_success(run);
    EXPECT_EQ(run.out, one.out);
    EXPECT_EQ(files_below(folder_ / output), files);
    for (const std::string& file : files) EXPECT_EQ(read_file(folder_ / output / file), result(file)) << file;
  }
}

TEST_F(Collection, AsManyPicturesAtATimeAsThreads) {
  const auto said = [&](std::vector<std::string> more) {
    std::vector<std::string> all{"--verbose", "segment", "--model", "formula:tiny", "--classes", "cat, wall"};
    all.insert(all.end(), more.begin(), more.end());
    const ProcessResult run = san(all);
    EXPECT_EQ(run.code, 0) << run.err;
    return run.err;
  };
  EXPECT_THAT(said({"--list", "list.txt", "--threads", "3"}), HasSubstr("3 pictures at a time"));
  EXPECT_THAT(said({name(0), name(1), "--threads", "3"}), HasSubstr("2 pictures at a time"));
  const auto as_before = Not(HasSubstr("at a time"));
  EXPECT_THAT(said({name(0), "--threads", "3"}), as_before);
  EXPECT_THAT(said({name(0), name(1), "--threads", "1"}), as_before);
  EXPECT_THAT(said({name(0), name(1), "--threads", "3", "--jobs", "1"}), as_before);
  EXPECT_THAT(said({name(0), name(1), "--threads", "3", "--tile", "32"}), as_before);
}

TEST_F(Collection, PartsMergeIntoWhatOneRunWrites) {
  write_file(folder_ / "pictures/p4.png", "no picture");
  EXPECT_EQ(list({"--save", "coco,datumaro"}, "whole").code, 1) << "one picture cannot be read";
  for (const char* part : {"1/3", "2/3", "3/3"}) {
    const int code = list({"--save", "coco,datumaro", "--shard", part}, "parts").code;
    EXPECT_EQ(code, part[0] == '2' ? 1 : 0) << part;
  }
  EXPECT_EQ(segment({}, {"--merge", "parts", "--output", "parts"}).code, 1) << "one could not be segmented";
  for (const char* file : {"manifest.jsonl", "coco.json", "datumaro.json"})
    EXPECT_EQ(read_file(folder_ / "parts" / file), read_file(folder_ / "whole" / file)) << file;

  // Each part in a folder of its own.
  for (const char* part : {"1/3", "2/3", "3/3"})
    list({"--save", "coco", "--shard", part}, std::string("part") + part[0]);
  expect_error(segment({}, {"--merge", "part1", "part3", "--output", "all"}), 2, "part 2 of 3 is missing");
  EXPECT_EQ(segment({}, {"--merge", "part1", "part2", "part3", "--output", "all"}).code, 1);
  const json merged = json::parse(read_file(folder_ / "all/coco.json"));
  EXPECT_EQ(merged, json::parse(read_file(folder_ / "whole/coco.json")));
  EXPECT_EQ(manifest("all/manifest.jsonl")[1]["files"][1], "../part1/coco.parts/" + name(0) + ".json");

  list({"--save", "coco", "--shard", "1/3", "--short-side", "64"}, "part1");
  expect_error(segment({}, {"--merge", "part1", "part2", "part3", "--output", "all"}), 2,
               "different settings");
  expect_error(segment({}, {"--merge", "pictures", "--output", "all"}), 2, "no manifest");
}

TEST_F(Collection, GoesOnWhereAnEarlierRunEnded) {
  expect_success(list({}));
  const std::string whole = result("manifest.jsonl");
  std::vector<std::string> lines = lines_of(whole);
  // Ended in the middle of a line, after three pictures of which one could not be read then.
  json failed = json::parse(lines[2]);
  write_file(folder_ / "out/manifest.jsonl",
             lines[0] + "\n" + lines[1] + "\n" +
                 json({{"number", 1}, {"input", name(1)}, {"status", "failed"}, {"error", "gone"}}).dump() +
                 "\n" + lines[3] + "\n" + lines[4].substr(0, 20));
  fs::remove(folder_ / "out" / (name(0) + ".labels.png"));  // the manifest calls it done
  fs::remove(folder_ / "out" / (name(1) + ".labels.png"));
  fs::remove(folder_ / "out" / (name(5) + ".labels.png"));
  const ProcessResult r = list({"--skip-done"});
  expect_success(r);
  EXPECT_THAT(
      r.out, AllOf(Not(HasSubstr(name(0))), HasSubstr(name(1)), Not(HasSubstr(name(2))), HasSubstr(name(3))));
  EXPECT_THAT(r.err, HasSubstr("2 pictures were done before"));
  EXPECT_FALSE(fs::exists(folder_ / "out" / (name(0) + ".labels.png")));
  EXPECT_TRUE(fs::exists(folder_ / "out" / (name(5) + ".labels.png")));
  EXPECT_EQ(result("manifest.jsonl"), whole) << "in the end it is that of a run that nothing ended";

  expect_error(list({"--skip-done", "--short-side", "64"}), 2, "other settings");
  EXPECT_EQ(result("manifest.jsonl"), whole);
}

TEST_F(Collection, ADifferentListIsDoneAnew) {
  expect_success(list({}));
  write_file(folder_ / "list.txt", name(1) + "\n" + name(1) + "\n");
  const ProcessResult r = list({"--skip-done"});
  expect_success(r);
  EXPECT_THAT(r.err, HasSubstr("1 pictures were done before")) << "the second is what it was";
}

TEST_F(Collection, ShardsComeFromTheScheduler) {
  const auto with = [&](const std::map<std::string, std::string>& environment) {
    ProcessOptions options;
    options.folder = folder_.path();
    options.environment = environment;
    options.environment["SAN_CACHE_DIR"] = (folder_ / "cache").string();
    return run_process(
        {SAN_PROGRAM, "segment", "--list", "list.txt", "--classes", "cat, wall", "--save", "labels",
         "--model", "formula:tiny", "--quiet", "--threads", "1", "--shard", "auto", "--output", "out"},
        options);
  };
  expect_success(with({{"SLURM_ARRAY_TASK_ID", "14"},
                       {"SLURM_ARRAY_TASK_MIN", "10"},
                       {"SLURM_ARRAY_TASK_STEP", "2"},
                       {"SLURM_ARRAY_TASK_COUNT", "4"},
                       {"SLURM_PROCID", "0"},
                       {"SLURM_NTASKS", "1"}}));
  EXPECT_TRUE(fs::exists(folder_ / "out/manifest-3-of-4.jsonl")) << "the array, not the step";
  expect_success(with({{"OMPI_COMM_WORLD_RANK", "0"}, {"OMPI_COMM_WORLD_SIZE", "5"}}));
  EXPECT_TRUE(fs::exists(folder_ / "out/manifest-1-of-5.jsonl"));
  expect_success(with({{"PMI_RANK", "5"}, {"PMI_SIZE", "6"}}));
  EXPECT_TRUE(fs::exists(folder_ / "out/manifest-6-of-6.jsonl"));
  expect_success(with({{"SLURM_PROCID", "1"}, {"SLURM_NTASKS", "2"}}));
  EXPECT_TRUE(fs::exists(folder_ / "out/manifest-2-of-2.jsonl"));
  expect_error(with({}), 2, "SLURM_ARRAY_TASK_ID");
  expect_error(with({{"PMI_RANK", "6"}, {"PMI_SIZE", "6"}}), 2, "PMI_RANK=6");
  expect_error(with({{"SLURM_ARRAY_TASK_ID", "17"}, {"SLURM_ARRAY_TASK_COUNT", "2"}}), 2, "equal steps");
  expect_error(list({"--shard", "3/2"}), 2, "1 ≤ i ≤ n");
}

TEST_F(Collection, AListOnStandardInputAndResultsOnStandardOutput) {
  const auto shell = [&](const std::string& command) {
    ProcessOptions options;
    options.folder = folder_.path();
    options.environment = {{"SAN_CACHE_DIR", (folder_ / "cache").string()}};
    return run_process({"sh", "-c", command}, options);
  };
  const std::string san =
      std::string(SAN_PROGRAM) + " segment --quiet --model formula:tiny --threads 1 --classes 'cat, wall' ";
  expect_success(shell("head -2 list.txt | " + san + "--list - --save labels --output out"));
  EXPECT_EQ(results().size(), 3u);
  const ProcessResult r = shell(san + "- --save labels --output - < " + name(0) + " > piped.png");
  expect_success(r);
  EXPECT_THAT(r.err, HasSubstr("-: ")) << "what it says of the picture goes elsewhere";
  EXPECT_EQ(read_file(folder_ / "piped.png"), result(name(0) + ".labels.png"));
  expect_error(shell(san + "- --save labels,json --output - < " + name(0)), 2, "one file");
  expect_error(shell(san + "--save labels --output - " + name(0) + " " + name(1)), 2, "one picture");
  expect_error(shell(san + "--list list.txt " + name(1)), 2, "one of them");
  expect_error(shell(san + "--list none.txt"), 2, "none.txt");
}

TEST_F(Collection, AFolderIsWatchedUntilInterrupted) {
  fs::create_directory(folder_ / "in");
  fs::copy(folder_ / name(0), folder_ / "in/first.png");
  ProcessResult r;
  std::thread run([&] {
    ProcessOptions options;
    options.folder = folder_.path();
    options.environment = {{"SAN_CACHE_DIR", (folder_ / "cache").string()}};
    r = run_process(
        {"sh", "-c",
         "echo $$ > pid; exec " SAN_PROGRAM
         " segment --watch in --manifest --classes 'cat, wall' --save labels --model formula:tiny --quiet"},
        options);
  });
  const auto wait_for = [&](const char* file) {
    for (int i = 0; i < 1200 && !fs::exists(folder_ / "out" / file); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return fs::exists(folder_ / "out" / file);
  };
  EXPECT_TRUE(wait_for("first.png.labels.png")) << "what lies there already comes first";
  fs::copy(folder_ / name(1), folder_ / "in/.hidden.png");
  fs::copy(folder_ / name(1), folder_ / "second.png");
  fs::rename(folder_ / "second.png", folder_ / "in/second.png");
  write_file(folder_ / "in/notes.txt", "no picture");
  EXPECT_TRUE(wait_for("second.png.labels.png"));
  ::kill(std::stoi(read_file(folder_ / "pid")), SIGINT);
  run.join();
  EXPECT_EQ(r.code, 0) << r.err;
  EXPECT_THAT(results(), ElementsAre("first.png.labels.png", "manifest.jsonl", "second.png.labels.png"));
  EXPECT_EQ(manifest("out/manifest.jsonl").size(), 4u);
}

TEST_F(Collection, ViewsAndTiles) {
  picture("wide.png", 96, 288);
  const auto labels = [&](const std::vector<std::string>& more) {
    std::vector<std::string> all{"--classes", "cat, sofa, wall, tree", "--save", "labels"};
    all.insert(all.end(), more.begin(), more.end());
    const ProcessResult r = segment({"wide.png"}, all);
    expect_success(r);
    return decode_labels(folder_ / "out/wide.labels.png");
  };
  const LabelMap plain = labels({});
  expect_success(segment({name(0)}, {"--classes", "cat, wall", "--tta", "--save", "labels"}));
  EXPECT_NE(labels({"--window", "96"}), plain);
  const LabelMap tiled = labels({"--tile", "96"});
  EXPECT_NE(tiled, plain);
  EXPECT_EQ(tiled, labels({"--tile", "96,24"})) << "a quarter of the side";
  EXPECT_NE(tiled, labels({"--tile", "96,0"}));
  EXPECT_EQ(labels({"--tile", "288"}), plain) << "a picture that fits into a tile is seen whole";
  for (const auto& [given, words] :
       {std::pair{"16", "32"}, {"64,40", "0 to 32"}, {"64,", "--tile"}, {"x", "--tile"}})
    expect_error(segment({"wide.png"}, {"--classes", "cat, wall", "--tile", given}), 2, words);
  expect_error(segment({"wide.png"}, {"--classes", "cat, wall", "--tile", "96", "--save", "masks"}), 2,
               "masks");
  expect_error(segment({"wide.png"}, {"--classes", "cat, wall", "--tile", "96", "--save", "scores"}), 2,
               "scores");
  expect_error(segment({"wide.png"}, {"--classes", "cat, wall", "--tile", "96", "--window", "96"}), 2,
               "--window");
}

TEST_F(Collection, PalettesFromAFile) {
  write_file(folder_ / "colors.txt", "255 0 0\n\n#00ff7f\n  10,20,30\n");
  const std::vector<std::string> base{"--classes", "cat, sofa, wall", "--save", "labels,cityscapes",
                                      "--palette"};
  const auto with = [&](const std::string& palette) {
    std::vector<std::string> all = base;
    all.push_back(palette);
    return segment({name(0)}, all);
  };
  expect_success(with("colors.txt"));
  const Image shown = decode_image(folder_ / "out/p0.labels.png");
  const LabelMap labels = decode_labels(folder_ / "out/p0.labels.png");
  const std::array<Rgb, 3> colors{Rgb{255, 0, 0}, Rgb{0, 255, 127}, Rgb{10, 20, 30}};
  for (std::size_t i = 0; i < labels.labels.size(); ++i)
    for (std::size_t c = 0; c < 3; ++c) ASSERT_EQ(shown.rgb[3 * i + c], colors[labels.labels[i]][c]);
  EXPECT_EQ(decode_image(folder_ / "out/cityscapes/p0_gtFine_color.png"), shown);
  expect_success(with("none"));
  EXPECT_EQ(decode_labels(folder_ / "out/p0.labels.png"), labels);
  EXPECT_NE(decode_image(folder_ / "out/p0.labels.png"), shown) << "plain grey";
  write_file(folder_ / "short.txt", "1 2 3\n");
  write_file(folder_ / "bad.txt", "1 2 3\n1 2 300\n1 2 3\n");
  expect_error(with("short.txt"), 2, "1 colours for 3 classes");
  expect_error(with("bad.txt"), 2, "bad.txt:2");
  expect_error(with("rainbow"), 2, "rainbow");
}

}  // namespace
}  // namespace san::testing
