#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "options.h"
#include "parts.h"
#include "pipeline.h"
#include "san/colors.hpp"
#include "video/video_file.h"

namespace san::video {

/// The files of one run. Used by the thread that writes.
class Results {
 public:
  /// `stem`: of the files' names. `colors`: of the classes; `other`: pixels may be none of them. With
  /// `parts`, what is written lies there until it is joined; null: there are none. Throws Error before
  /// anything is computed where a file cannot be written.
  Results(const Arguments& arguments, const Source& source, const std::string& stem, std::vector<Rgb> colors,
          bool other, Parts* parts);
  ~Results();

  void write(Work& work);
  void write_sound(const std::vector<PacketPtr>& sound);
  /// Gives the files their names, with all that is there; `whole`: nothing is missing. Throws Error with the
  /// path.
  void finish(bool whole);
  /// Names of what was written.
  const std::vector<std::string>& files() const { return names_; }

 private:
  /// One JSON object a line, in a file that has its name when all are there.
  class JsonLines;
  /// What is written at a time: the results, or a part of them.
  struct Files {
    std::unique_ptr<VideoFile> overlay, labels;
    std::unique_ptr<JsonLines> json;

    void finish();
  };
  struct Planned {
    std::filesystem::path path;  ///< empty: not wanted
    VideoFileOptions options{};
  };
  void plan(const std::string& stem);
  Files open(bool part) const;
  void end_part();
  void join(std::size_t parts);
  void write_json(const Work& work);

  const Arguments& arguments_;
  const Source& source_;
  std::vector<Rgb> colors_;
  bool other_;
  double tick_;
  Parts* parts_;
  Planned overlay_, labels_, json_;
  Files files_;
  bool open_ = false;  ///< a part is
  Part part_;          ///< that is written
  std::filesystem::path label_folder_;
  std::vector<std::string> names_;
};

/// What results of an input are called: the file's name without its ending, else "stdin", "video0", "stream".
std::string stem_of(const std::string& input);

}  // namespace san::video
