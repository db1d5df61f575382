#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "san/image.hpp"
#include "video/packet.h"

namespace san::video {

/// A fraction, as libav counts time: seconds per tick.
struct Ratio {
  int num = 0, den = 1;
  double value() const { return static_cast<double>(num) / den; }
};

struct SourceOptions {
  std::string input;       ///< a file, a pattern such as frames/%05d.png, an address, /dev/videoN, or -
  bool live = false;       ///< take a file's frames when they are due, as a camera would give them
  bool sound = true;       ///< hand on sound
  std::int64_t first = 0;  ///< number of the first frame that is wanted
  std::int64_t count = 0;  ///< of frames that are wanted at most; 0: all
  int stride = 1;          ///< of frames from the first on every stride-th
  std::int64_t max_pixels = 100'000'000;
  /// Read on where an earlier reader stopped: `first` is its next frame, and of each sound so many packets
  /// were handed on by then (Frame::sound_read).
  bool goes_on = false;
  std::vector<std::int64_t> sound_done{};
  const std::atomic<bool>* interrupted = nullptr;  ///< ends what waits for data; never null
};

struct SourceFacts {
  int height = 0, width = 0;  ///< of frames as they are shown: turned as the file says
  Ratio time_base;            ///< of Frame::time
  Ratio rate;                 ///< frames a second of the file, 0/1 where it does not say
  Ratio pixel_aspect;         ///< width of a pixel over its height; 0/1: not known
  std::int64_t frames = 0;    ///< that read() will give, an estimate; 0: not known
  bool live = false;          ///< nobody can make it wait
  std::string codec;          ///< "h264"
};

/// One picture of a source, and what is heard up to it. Used again: its memory stays.
struct Frame {
  Image image;
  std::int64_t number = 0;  ///< in the source, from 0
  std::int64_t time = 0;    ///< when it is shown, in SourceFacts::time_base; grows from frame to frame
  std::int64_t duration = 0;
  std::chrono::steady_clock::time_point taken;  ///< when it was decoded
  std::vector<PacketPtr> sound;                 ///< packets of the sound that lie before it in the source
  std::vector<std::int64_t> sound_read;         ///< packets of each sound so far, from the source's beginning
};

/// What was not as it should be, in numbers.
struct Damage {
  std::int64_t lost = 0;       ///< packets that gave no frame
  std::int64_t concealed = 0;  ///< frames that the decoder repaired as well as it could
};

/// Reads the frames of one video. Used by one thread. Whatever the file's pixels are (4:2:0, 10 bit, grey,
/// full or limited range), frames are 8 bit RGB of the size of the first; the file's rotation is applied.
class Source {
 public:
  /// Throws Error naming the input: not there, no video, a codec that is missing, too large, no seconds in
  /// it.
  explicit Source(const SourceOptions& options);
  ~Source();
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  const SourceFacts& facts() const;
  /// False at the end, and when interrupted. Throws Error when the source breaks off before its first frame.
  bool read(Frame& frame);
  /// Sound that follows the last frame.
  std::vector<PacketPtr> rest_of_sound();
  Damage damage() const;

 private:
  friend class VideoFile;
  friend bool takes_sound(const Source& source, const std::string& container);
  friend std::string sound_of(const Source& source);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace san::video
