#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "san/image.hpp"
#include "video/source.h"

namespace san::video {

enum class Coding {
  kH264,  ///< what everything plays
  kVp9,   ///< what every browser plays, odd sizes too
  kFfv1   ///< lossless, grey of 8 or 16 bit: labels
};

struct VideoFileOptions {
  Coding coding = Coding::kH264;
  std::string container;  ///< "mp4", "webm", "matroska"
  bool part = false;      ///< not a file that plays, but packets for append()
  int height = 0, width = 0;
  bool sound = true;     ///< the source's sound goes in, as it is
  bool wide = false;     ///< labels of 16 bit
  int quality = 0;       ///< constant rate factor, lower is better; 0: 20 of H.264, 32 of VP9
  bool growing = false;  ///< can be played while it is written, and after a crash
};

/// Writes one video with the times of a source, and its sound. The file has its name when finish() has
/// returned; until then, and when it never does, there is a hidden one beside it, which goes with the object.
class VideoFile {
 public:
  /// Throws Error naming the file: an encoder that is missing, sound that the container cannot hold, a folder
  /// that cannot be written.
  VideoFile(const std::filesystem::path& path, const Source& source, const VideoFileOptions& options);
  ~VideoFile();
  VideoFile(const VideoFile&) = delete;
  VideoFile& operator=(const VideoFile&) = delete;

  /// Frames of the source in their order. Throws Error with the path.
  void write(const Image& image, const Frame& frame);
  /// The same for labels; they must fit in 8 bit, or 16 where `wide`.
  void write(const LabelMap& labels, const Frame& frame);
  /// Packets that the source gave.
  void write_sound(const std::vector<PacketPtr>& packets);
  /// All of a part that was written with the same options but `part`, from the same source: packet by
  /// packet, behind what is there. Throws Error with the path of either.
  void append(const std::filesystem::path& part);
  /// Throws Error with the path. A file without frames is not kept.
  void finish();
  std::int64_t frames() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Whether a container takes the source's sound as it is.
bool takes_sound(const Source& source, const std::string& container);
/// Names of the source's sound, "aac, opus"; empty: there is none.
std::string sound_of(const Source& source);

}  // namespace san::video
