// What the reader makes of pixels, against ffmpeg's own answer.
#include "video/source.h"

#include <atomic>
#include <cmath>

#include "clips.h"
#include "support/count_allocations.h"
#include "video/video_file.h"

namespace san::testing {
namespace {

using video::Frame;
using video::Source;
using video::SourceOptions;

class VideoSource : public Clips {
 protected:
  std::vector<Image> frames(const std::string& file) const {
    static const std::atomic<bool> never{false};
    SourceOptions options;
    options.input = (folder_ / file).string();
    options.interrupted = &never;
    Source source(options);
    std::vector<Image> all;
    for (Frame frame; source.read(frame);) all.push_back(frame.image);
    EXPECT_EQ(source.damage().lost + source.damage().concealed, 0);
    return all;
  }
  /// Decoded and turned upright by ffmpeg.
  std::vector<Image> by_ffmpeg(const std::string& file, int height, int width) const {
    ffmpeg({"-i", file, "-sws_flags", "bilinear+accurate_rnd+full_chroma_int", "-f", "rawvideo", "-pix_fmt",
            "rgb24", "raw.rgb"});
    const std::string bytes = read_file(folder_ / "raw.rgb");
    std::vector<Image> all;
    for (std::size_t at = 0; at < bytes.size(); at += all.back().rgb.size()) {
      all.emplace_back(height, width);
      std::copy_n(bytes.data() + at, all.back().rgb.size(), reinterpret_cast<char*>(all.back().rgb.data()));
    }
    return all;
  }
  void expect_alike(const std::string& file, int height, int width) const {
    const std::vector<Image> ours = frames(file), theirs = by_ffmpeg(file, height, width);
    ASSERT_EQ(ours.size(), theirs.size());
    ASSERT_FALSE(ours.empty());
    for (std::size_t i = 0; i < ours.size(); ++i) {
      ASSERT_EQ(ours[i].height, height);
      ASSERT_EQ(ours[i].width, width);
      int worst = 0;
      double sum = 0;
      for (std::size_t p = 0; p < ours[i].rgb.size(); ++p) {
        const int d = std::abs(ours[i].rgb[p] - theirs[i].rgb[p]);
        worst = std::max(worst, d);
        sum += d;
      }
      // The same library converts; another path of it may round otherwise.
      EXPECT_LE(worst, 3) << file << ", frame " << i;
      EXPECT_LE(sum / static_cast<double>(ours[i].rgb.size()), 0.5) << file;
    }
  }
};

TEST_F(VideoSource, PixelsAreThoseThatFfmpegSees) {
  const auto make = [&](const std::string& name, int width, int height, std::vector<std::string> more) {
    std::vector<std::string> a = card(width, height, 3);
    a.insert(a.end(), more.begin(), more.end());
    a.push_back(name);
    ffmpeg(a);
  };
  make("odd.mkv", 97, 61, {"-c:v", "ffv1", "-pix_fmt", "yuv444p"});
  make("deep.mkv", 64, 48, {"-c:v", "libx264", "-pix_fmt", "yuv420p10le"});
  make("grey.mkv", 65, 49, {"-c:v", "ffv1", "-pix_fmt", "gray"});
  make("full.mkv", 64, 48, {"-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-q:v", "2"});
  expect_alike("odd.mkv", 61, 97);
  expect_alike("deep.mkv", 48, 64);
  expect_alike("grey.mkv", 49, 65);
  expect_alike("full.mkv", 48, 64);
}

TEST_F(VideoSource, RotationFlagsTurnAsFfmpegTurns) {
  std::vector<std::string> a = card(64, 48, 2);
  a.insert(a.end(), {"-c:v", "libx264", "-pix_fmt", "yuv444p", "flat.mp4"});
  ffmpeg(a);
  for (const char* turn : {"90", "180", "270"}) {
    ffmpeg({"-i", "flat.mp4", "-c", "copy", "-metadata:s:v:0", std::string("rotate=") + turn, "turned.mp4"});
    const bool sideways = std::string(turn) != "180";
    expect_alike("turned.mp4", sideways ? 64 : 48, sideways ? 48 : 64);
  }
}

TEST_F(VideoSource, BuffersStayTheSameFromFrameToFrame) {
  std::vector<std::string> a = card(64, 48, 6);
  a.insert(a.end(), {"-c:v", "libx264", "clip.mkv"});
  ffmpeg(a);
  static const std::atomic<bool> never{false};
  SourceOptions options;
  options.input = (folder_ / "clip.mkv").string();
  options.interrupted = &never;
  Source source(options);
  Frame frame;
  ASSERT_TRUE(source.read(frame));
  const std::uint8_t* first = frame.image.rgb.data();
  std::int64_t time = frame.time;
  int count = 1;
  while (source.read(frame)) {
    EXPECT_EQ(frame.image.rgb.data(), first);
    EXPECT_EQ(frame.number, count++);
    EXPECT_GT(frame.time, time);
    time = frame.time;
  }
  EXPECT_EQ(count, 6);
}

// libav has pools of its own for what it decodes and encodes; what is ours must not ask for memory frame by
// frame.
TEST_F(VideoSource, FramesOfOneSizeAreReadAndWrittenWithoutNewMemory) {
  std::vector<std::string> a = card(98, 62, 40);
  a.insert(a.end(), {"-c:v", "libx264", "clip.mkv"});
  ffmpeg(a);
  static const std::atomic<bool> never{false};
  SourceOptions options;
  options.input = (folder_ / "clip.mkv").string();
  options.interrupted = &never;
  Source source(options);
  video::VideoFileOptions written;
  written.container = "matroska";
  written.height = 62, written.width = 98;
  video::VideoFile overlay(folder_ / "overlay.mkv", source, written);
  written.coding = video::Coding::kFfv1;
  video::VideoFile coded(folder_ / "labels.mkv", source, written);
  Frame frame;
  const LabelMap labels(62, 98, 3);
  for (int i = 0;; ++i) {
    allocations = 0;
    counting = i >= 5;
    const bool more = source.read(frame);
    if (more) overlay.write(frame.image, frame), coded.write(labels, frame);
    counting = false;
    if (!more) break;
    if (i >= 5) {
      EXPECT_EQ(allocations, 0) << "frame " << i;
    }
  }
  overlay.finish();
  coded.finish();
  EXPECT_EQ(overlay.frames(), 40);
  EXPECT_EQ(frames_of("overlay.mkv"), 40);
}

}  // namespace
}  // namespace san::testing
