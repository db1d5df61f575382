#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/cli_fixture.h"

namespace san::testing {

/// Clips made by ffmpeg where the test runs. Tests that need it skip, saying so, where it is missing.
class Clips : public Cli {
 protected:
  void SetUp() override;

  /// Runs ffmpeg in the test's folder; what fails is a failure of the test.
  void ffmpeg(std::vector<std::string> arguments) const;
  /// `frames` pictures of ffmpeg's moving test card.
  std::vector<std::string> card(int width, int height, int frames, int rate = 10) const;
  /// One line per stream or frame with the entries that were asked for, by ffprobe.
  std::vector<std::string> probe(const std::string& file, const std::string& streams,
                                 const std::string& entries) const;
  int frames_of(const std::string& file) const;
  /// When the frames of the video are shown, seconds.
  std::vector<double> times_of(const std::string& file) const;
  /// A digest of the packets of the sound.
  std::string sound_of(const std::string& file) const;
  /// ffmpeg decodes every frame of it without a complaint.
  void expect_playable(const std::string& file) const;

  /// `san segment INPUT --model formula:tiny …`, three classes unless `more` names them, into "out".
  ProcessResult video(const std::string& input, std::vector<std::string> more = {}) const;
};

}  // namespace san::testing
