#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "options.h"
#include "pipeline.h"
#include "san/colors.hpp"
#include "video/video_file.h"

namespace san::video {

/// The files of one run. Used by the thread that writes.
class Results {
 public:
  /// `stem`: of the files' names. Throws Error before anything is computed where a file cannot be written.
  Results(const Arguments& arguments, const Source& source, const std::string& stem, std::vector<Rgb> colors);
  ~Results();

  void write(Work& work);
  void write_sound(const std::vector<PacketPtr>& sound);
  /// Gives the files their names. Throws Error with the path.
  void finish();
  /// Names of what was written.
  const std::vector<std::string>& files() const { return files_; }

 private:
  void write_json(const Work& work);

  const Arguments& arguments_;
  std::vector<Rgb> colors_;
  double tick_;
  std::optional<VideoFile> overlay_, labels_;
  std::filesystem::path label_folder_;
  class JsonLines;
  std::unique_ptr<JsonLines> json_;
  std::vector<std::string> files_;
};

/// What results of an input are called: the file's name without its ending, else "stdin", "video0", "stream".
std::string stem_of(const std::string& input);

}  // namespace san::video
