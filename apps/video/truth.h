#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "flow/flow.h"
#include "metrics/confusion.h"
#include "pipeline.h"

namespace san::video {

/// Compares the labels of a video with known ones, a folder of label files named by frame number (00012.png):
/// how good they are, and how much they flicker.
class Truth {
 public:
  Truth(std::filesystem::path folder, int classes);
  /// Frames in their order; those without a file are passed over. Throws Error on labels of another size.
  void compare(const Work& work);
  /// "mIoU 62.3 %, …". Throws Error when no frame had a file.
  std::string summary() const;

 private:
  std::filesystem::path folder_;
  ConfusionMatrix confusion_;
  FlowEstimator estimator_;
  FlowField backward_, forward_;
  Image before_;
  LabelMap labels_before_, truth_before_;
  std::int64_t compared_ = 0, steps_ = 0;
  double in_place_ = 0, along_flow_ = 0, truth_in_place_ = 0, truth_along_flow_ = 0;
};

}  // namespace san::video
