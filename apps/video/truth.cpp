#include "truth.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/input_file.h"
#include "base/labels.h"
#include "image/codec/decode.h"
#include "metrics/metrics.h"

namespace san::video {

Truth::Truth(std::filesystem::path folder, int classes) : folder_(std::move(folder)), confusion_(classes) {
  require(std::filesystem::is_directory(folder_), "--truth {}: no such folder", folder_.string());
}

void Truth::compare(const Work& work) {
  const Frame& frame = work.frame;
  const std::filesystem::path file = folder_ / fmt::format("{:05}.png", frame.number);
  if (!file_exists(file)) return;
  LabelMap truth = decode_labels(file);
  const LabelMap& labels = work.result.labels;
  require(truth.height == labels.height && truth.width == labels.width,
          "{}: {} × {} labels for frames of {} × {} pixels", file.string(), truth.width, truth.height,
          labels.width, labels.height);
  // In files of 8 bit 255 says "not known", as long as there is no such class.
  for (Label& label : truth.labels)
    if (label == kNoLabel16 || (label == 255 && confusion_.classes() <= 255)) label = kNoLabel;
  confusion_.add(labels.labels, truth.labels, kNoLabel);
  if (compared_++ > 0) {
    estimator_.flow(before_, frame.image, backward_);
    estimator_.flow(frame.image, before_, forward_);
    const LabelChanges own = label_changes(labels_before_, labels, backward_, forward_),
                       known = label_changes(truth_before_, truth, backward_, forward_);
    ++steps_;
    in_place_ += own.in_place, along_flow_ += own.along_flow;
    truth_in_place_ += known.in_place, truth_along_flow_ += known.along_flow;
  }
  before_ = frame.image;
  labels_before_ = labels;
  truth_before_ = std::move(truth);
}

std::string Truth::summary() const {
  require(compared_ > 0, "--truth {}: no frame has a file there (00000.png for the first)", folder_.string());
  const Metrics metrics = compute_metrics(confusion_, BoundaryCounts(confusion_.classes()));
  const double steps = static_cast<double>(std::max<std::int64_t>(steps_, 1)) / 100;
  return fmt::format(
      "against {} known frames: mIoU {:.2f} %, pixels right {:.2f} %; labels that change from frame to "
      "frame: {:.2f} % "
      "in place (the known ones {:.2f} %), {:.2f} % along the motion (the known ones {:.2f} %)",
      compared_, 100 * metrics.miou, 100 * metrics.pacc, in_place_ / steps, truth_in_place_ / steps,
      along_flow_ / steps, truth_along_flow_ / steps);
}

}  // namespace san::video
