#pragma once
#include <filesystem>
#include <functional>
#include <map>
#include <optional>

#include "flow/flow.h"
#include "pipeline.h"
#include "san/segmenter.hpp"
#include "san/stream.hpp"

namespace san::video {

/// Which frames the network sees: every Nth, and every one that begins another scene.
class Schedule {
 public:
  explicit Schedule(int every) : every_(every) {}
  /// Frames in their order; `before` is the one before, null at first.
  bool due(const Image* before, const Image& now);

 private:
  int every_, since_ = 0;
};

/// Where the results are divided so that a run can go on from there: at the first frame that the network sees
/// after so many.
struct Division {
  int frames = 0;         ///< of a part, at least; 0: no parts
  std::size_t first = 0;  ///< the part that is labelled first, after those that are there
  std::function<std::filesystem::path(std::size_t part)>
      memory;  ///< where a stream's knowledge before it lies
};

enum class Steadying : std::uint8_t { kOff, kStream, kClip };

/// Labels the frames of one video, in their order.
class Labeller {
 public:
  /// Throws Error when what a stream knew before the first part cannot be read.
  Labeller(Segmenter& segmenter, const Vocabulary& words, const SegmentationOptions& options, int every,
           Steadying steadying, Division division);

  /// The first of two passes, of Steadying::kClip alone: what the network sees in a frame.
  void look_ahead(const Frame& frame);
  /// Labels, areas and where they came from. Throws Cancelled.
  void label(Work& work);
  /// Frames whose labels came from the network.
  std::int64_t looked() const { return looked_; }

 private:
  ImageFeatures features_of(const Frame& frame);
  void divide(Work& work);
  void remember(const Image& image);

  Segmenter& segmenter_;
  const Vocabulary& words_;
  SegmentationOptions options_;
  int every_;
  Schedule schedule_, schedule_ahead_;
  std::optional<Stream> stream_;
  std::optional<WholeClip> clip_;
  std::map<std::int64_t, ImageFeatures> ahead_;  ///< of the first pass, as many as memory was set aside for
  std::size_t ahead_bytes_ = 0;

  Image before_;  ///< the frame before
  bool has_before_ = false;
  Segmentation key_;  ///< of the latest frame that the network saw
  FlowEstimator estimator_;
  FlowField step_, past_, sum_;  ///< to the frame before; from there, and from here, to that frame
  std::int64_t looked_ = 0;
  Division division_;
  std::size_t part_;  ///< the next
  int in_part_ = 0;   ///< frames
};

}  // namespace san::video
