// Runs that are ended and gone on with, against one that is not.
#include <nlohmann/json.hpp>

#include "clips.h"

namespace san::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Resumed : public Clips {
 protected:
  static constexpr int kFrames = 240;

  /// A clip with sound whose frames are not in the order of their packets.
  void SetUp() override {
    Clips::SetUp();
    if (IsSkipped()) return;
    std::vector<std::string> a = card(97, 61, kFrames);
    a.insert(a.end(),
             {"-f", "lavfi", "-i", "sine=frequency=440:duration=" + std::to_string(kFrames / 10.0), "-c:v",
              "libx264", "-pix_fmt", "yuv444p", "-g", "50", "-bf", "2", "-c:a", "aac", "clip.mp4"});
    ffmpeg(a);
  }

  std::vector<std::string> options(std::vector<std::string> more) const {
    more.insert(more.end(), {"--save", "video,labels,json", "--part", "20"});
    return more;
  }

  /// Starts a run and ends it by `signal` when its second part is whole.
  int ended(const std::string& signal, const std::vector<std::string>& more) const {
    std::string command =
        std::string("\"") + SAN_PROGRAM +
        "\" segment clip.mp4 --quiet --model formula:tiny --threads 1 --classes 'cat, sofa|couch, "
        "wall' --output out";
    for (const std::string& word : options(more)) command += " " + word;
    command +=
        " 2> errors.txt & run=$!; while [ ! -e out/.clip.parts/00001.json ] && kill -0 $run 2> kill.txt; do "
        "sleep 0.01; done; kill -" +
        signal + " $run; wait $run";
    return run_process({"bash", "-c", command},
                       {folder_.path(), {{"SAN_CACHE_DIR", (folder_ / "cache").string()}}})
        .code;
  }

  /// Pixels and times of every frame, by ffmpeg.
  std::string frames(const std::string& file) const {
    const ProcessResult r = run_process({"ffmpeg", "-nostdin", "-v", "error", "-i", (folder_ / file).string(),
                                         "-map", "0:v", "-f", "framemd5", "-"});
    EXPECT_EQ(r.code, 0) << r.err;
    return r.out;
  }

  /// What is said of the frames, without how long they took.
  std::vector<nlohmann::json> lines(const std::string& folder) const {
    std::vector<nlohmann::json> all;
    for (const std::string& line : lines_of(read_file(folder_ / folder / "clip.frames.jsonl"))) {
      if (line.empty()) continue;
      all.push_back(nlohmann::json::parse(line));
      all.back().erase("latency_ms");
    }
    return all;
  }

  void expect_like_one_run(const std::vector<std::string>& more) const {
    std::vector<std::string> whole = options(more);
    whole.insert(whole.end(), {"--output", "whole"});
    expect_success(video("clip.mp4", whole));
    ASSERT_EQ(frames_of("whole/clip.overlay.mp4"), kFrames);
    EXPECT_EQ(frames_of("out/clip.overlay.mp4"), kFrames);
    EXPECT_EQ(frames("out/clip.labels.mkv"), frames("whole/clip.labels.mkv"));
    EXPECT_EQ(times_of("out/clip.overlay.mp4"), times_of("whole/clip.overlay.mp4"));
    EXPECT_EQ(sound_of("out/clip.overlay.mp4"), sound_of("clip.mp4"));
    EXPECT_EQ(lines("out"), lines("whole"));
    expect_playable("out/clip.overlay.mp4");
  }
};

TEST_F(Resumed, AfterCtrlCFramesLabelsAndSoundAreThoseOfOneRun) {
  const int code = ended("INT", {});
  if (code == 0) GTEST_SKIP() << "this machine was done before it could be interrupted";
  ASSERT_EQ(code, 130) << read_file(folder_ / "errors.txt");
  EXPECT_THAT(read_file(folder_ / "errors.txt"), HasSubstr("the same command with --skip-done goes on"));
  const int so_far = frames_of("out/clip.overlay.mp4");
  EXPECT_GE(so_far, 40) << "two parts";
  EXPECT_LT(so_far, kFrames);
  EXPECT_EQ(frames_of("out/clip.labels.mkv"), so_far);
  expect_playable("out/clip.overlay.mp4");

  const ProcessResult rest = video("clip.mp4", options({"--skip-done"}));
  expect_success(rest);
  EXPECT_THAT(rest.err, HasSubstr("frames were done before"));
  expect_like_one_run({});

  const ProcessResult again = video("clip.mp4", options({"--skip-done"}));
  expect_success(again);
  EXPECT_THAT(again.err, HasSubstr("done before"));
  for (const std::vector<std::string>& other :
       {std::vector<std::string>{"--every", "2"}, {"--precision", "int8"}, {"--text-precision", "int8"}}) {
    std::vector<std::string> changed{"--skip-done"};
    changed.insert(changed.end(), other.begin(), other.end());
    expect_error(video("clip.mp4", options(changed)), 2, "other settings");
  }
}

TEST_F(Resumed, WhateverEndsItAStreamGoesOnAsIfItHadNotBeenLeft) {
  const std::vector<std::string> how{"--temporal", "stream", "--every", "3"};
  const int code = ended("KILL", how);
  if (code == 0) GTEST_SKIP() << "this machine was done before it could be ended";
  ASSERT_EQ(code, 128 + 9);
  EXPECT_THAT(files_below(folder_ / "out"), ::testing::Not(::testing::Contains("clip.overlay.mp4")));
  std::vector<std::string> rest = how;
  rest.push_back("--skip-done");
  expect_success(video("clip.mp4", options(rest)));
  expect_like_one_run(how);
}

TEST_F(Resumed, WithoutBeingAskedARunBeginsAnewAndLeavesOnlyResults) {
  if (ended("KILL", {}) == 0) GTEST_SKIP() << "this machine was done before it could be ended";
  ASSERT_TRUE(fs::exists(folder_ / "out/.clip.parts/00001.json"));
  const ProcessResult r = video("clip.mp4", options({"--every", "4"}));
  expect_success(r);
  EXPECT_THAT(r.err, ::testing::Not(HasSubstr("done before")));
  EXPECT_THAT(results(), ElementsAre("clip.frames.jsonl", "clip.labels.mkv", "clip.overlay.mp4"));
  EXPECT_FALSE(fs::exists(folder_ / "out/.clip.parts"));
}

TEST_F(Resumed, DamagedPartsAreOneError) {
  if (ended("KILL", {}) == 0) GTEST_SKIP() << "this machine was done before it could be ended";
  const fs::path parts = folder_ / "out/.clip.parts";
  write_file(parts / "00000.overlay", "this is no video");
  expect_error(video("clip.mp4", options({"--skip-done"})), 2, "00000.overlay");
  write_file(parts / "00001.json", "{\"next\": -3}");
  expect_error(video("clip.mp4", options({"--skip-done"})), 2, "00001.json");
  EXPECT_FALSE(fs::exists(folder_ / "out/clip.overlay.mp4"));
}

TEST_F(Resumed, WhatCannotGoOnSaysSo) {
  expect_error(video("clip.mp4", options({"--skip-done", "--temporal", "clip"})), 2, "--temporal clip");
  expect_error(video("clip.mp4", options({"--skip-done", "--truth", "labels"})), 2, "--truth");
}

}  // namespace
}  // namespace san::testing
