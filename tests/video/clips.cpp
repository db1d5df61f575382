#include "clips.h"

#include <algorithm>

namespace san::testing {

namespace fs = std::filesystem;

void Clips::SetUp() {
  try {
    if (run_process({"ffmpeg", "-version"}).code == 0 && run_process({"ffprobe", "-version"}).code == 0)
      return;
  } catch (const std::exception&) {
  }
  GTEST_SKIP() << "ffmpeg is missing: videos are not tested (Debian: ffmpeg)";
}

void Clips::ffmpeg(std::vector<std::string> arguments) const {
  std::vector<std::string> command{"ffmpeg", "-nostdin", "-y", "-v", "error"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  const ProcessResult r = run_process(command, {folder_.path(), {}});
  ASSERT_EQ(r.code, 0) << r.err;
}

std::vector<std::string> Clips::card(int width, int height, int frames, int rate) const {
  return {"-f", "lavfi", "-i",
          "testsrc=size=" + std::to_string(width) + "x" + std::to_string(height) + ":rate=" +
              std::to_string(rate) + ":duration=" + std::to_string(static_cast<double>(frames) / rate)};
}

std::vector<std::string> Clips::probe(const std::string& file, const std::string& streams,
                                      const std::string& entries) const {
  const ProcessResult r =
      run_process({"ffprobe", "-v", "error", "-select_streams", streams, "-count_frames", "-show_entries",
                   entries, "-of", "csv=p=0", (folder_ / file).string()});
  EXPECT_EQ(r.code, 0) << r.err;
  std::vector<std::string> lines;
  for (std::string line : lines_of(r.out)) {
    while (!line.empty() && line.back() == ',') line.pop_back();
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

int Clips::frames_of(const std::string& file) const {
  const auto lines = probe(file, "v:0", "stream=nb_read_frames");
  return lines.empty() ? -1 : std::stoi(lines[0]);
}

std::vector<double> Clips::times_of(const std::string& file) const {
  std::vector<double> times;
  for (const std::string& line : probe(file, "v:0", "frame=pts_time")) times.push_back(std::stod(line));
  return times;
}

std::string Clips::sound_of(const std::string& file) const {
  const ProcessResult r = run_process({"ffmpeg", "-nostdin", "-v", "error", "-i", (folder_ / file).string(),
                                       "-map", "0:a", "-c", "copy", "-f", "md5", "-"});
  EXPECT_EQ(r.code, 0) << r.err;
  return r.out;
}

void Clips::expect_playable(const std::string& file) const {
  const ProcessResult r =
      run_process({"ffmpeg", "-nostdin", "-v", "error", "-i", (folder_ / file).string(), "-f", "null", "-"});
  EXPECT_EQ(r.code, 0) << file;
  EXPECT_EQ(r.err, "") << file;
}

ProcessResult Clips::video(const std::string& input, std::vector<std::string> more) const {
  std::vector<std::string> arguments{"segment", input, "--quiet", "--threads", "1"};
  for (const auto& [option, value] :
       {std::pair{"--model", "formula:tiny"}, {"--classes", "cat, sofa|couch, wall"}, {"--output", "out"}})
    if (std::ranges::find(more, option) == more.end()) arguments.insert(arguments.end(), {option, value});
  arguments.insert(arguments.end(), more.begin(), more.end());
  return san(arguments);
}

}  // namespace san::testing
