#pragma once
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

namespace san::video {

/// A stretch of a video whose results are whole.
struct Part {
  std::int64_t next = 0;            ///< number of the frame that follows it in the source
  std::int64_t frames = 0;          ///< in it
  std::vector<std::int64_t> sound;  ///< packets of each sound up to its end, Frame::sound_read
  bool last = false;                ///< the source ends, or what was asked for
};

/// Where the results of one video lie until all are there: a hidden folder beside them, with a file of every
/// kind for each part. What is noted as whole stays whatever ends the program.
class Parts {
 public:
  /// Begins anew, once begin() is called, or with `go_on` behind the parts that are there. `settings` is what
  /// decides about results.
  /// Throws Error when the parts that are there were made with others, and when they cannot be read.
  Parts(std::filesystem::path folder, const nlohmann::ordered_json& settings, bool go_on);

  /// Whether an earlier run left a note that it joined the results, and they are all there.
  bool done_before() const { return done_before_; }
  const std::vector<Part>& whole() const { return whole_; }
  /// Of all whole parts.
  std::int64_t frames() const;
  /// A file of part `index`: "00012.overlay".
  std::filesystem::path file(std::size_t index, const std::string& ending) const;
  /// Makes room for files. Throws Error with the path.
  void begin();
  /// Notes that all files of the part after the last whole one are written.
  void add(const Part& part);
  /// Removes what is there. Given names of results, leaves a note that they were joined.
  void remove(std::span<const std::string> files);

 private:
  void read_whole_parts();

  std::filesystem::path folder_;
  nlohmann::ordered_json settings_;
  std::vector<Part> whole_;
  bool begun_ = false, done_before_ = false;
};

}  // namespace san::video
