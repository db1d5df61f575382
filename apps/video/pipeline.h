#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "san/segmentation.hpp"
#include "video/source.h"

namespace san::video {

/// A frame on its way from the decoder through the network to the files. Used again for a later frame.
struct Work {
  Frame frame;
  Segmentation result;
  bool carried = false;        ///< its labels came along the motion, not from the network
  bool first_of_part = false;  ///< nothing before it is needed for what follows, but Stream::save()
  double latency_ms = 0;       ///< from decoded to written
};
using WorkPtr = std::unique_ptr<Work>;

struct Flow {
  std::int64_t frames = 0;   ///< written
  std::int64_t dropped = 0;  ///< of a live source, because the network was busy
  std::vector<float> latencies_ms;
  double seconds = 0;
};

/// Reading, labelling and writing at the same time, each in a thread; bounded queues between them. Nothing is
/// made anew for frames of one size.
class Pipeline {
 public:
  struct Stages {
    std::function<void(Work&)> label;        ///< in the calling thread; throws Cancelled when asked to end
    std::function<void(Work&)> write;        ///< in a thread of its own, in the order of frames
    std::function<void(const Work&)> shown;  ///< in the calling thread, after `label`
  };

  /// Returns at the end of the source, or when it is interrupted: what was labelled is then written. Throws
  /// what a stage threw.
  static Flow run(Source& source, const Stages& stages);
};

/// Half of the values, and 95 in 100 of them, are at most this; the largest.
struct Spread {
  double median = 0, most = 0, largest = 0;
};
Spread spread_of(std::vector<float> values);

}  // namespace san::video
