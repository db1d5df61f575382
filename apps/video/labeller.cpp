#include "labeller.h"

#include <algorithm>

namespace san::video {
namespace {

constexpr double kOtherScene = 0.5;
constexpr std::size_t kMemoryForFirstPass = std::size_t{1} << 30;

void count_areas(const LabelMap& labels, std::vector<std::int64_t>& areas) {
  std::ranges::fill(areas, 0);
  for (const Label label : labels.labels) ++areas[label];
}

}  // namespace

bool Schedule::due(const Image* before, const Image& now) {
  const bool due = before == nullptr || since_ + 1 >= every_ || scene_change(*before, now) > kOtherScene;
  since_ = due ? 0 : since_ + 1;
  return due;
}

Labeller::Labeller(Segmenter& segmenter, const Vocabulary& words, const SegmentationOptions& options,
                   int every, Steadying steadying, Division division)
    : segmenter_(segmenter),
      words_(words),
      options_(options),
      every_(every),
      schedule_(every),
      schedule_ahead_(every),
      division_(std::move(division)),
      part_(division_.first) {
  if (steadying == Steadying::kStream) stream_.emplace();
  if (steadying == Steadying::kClip) clip_.emplace();
  if (stream_ && part_ > 0) stream_->load(division_.memory(part_));
}

/// Of a frame that the network is to see.
void Labeller::divide(Work& work) {
  if (division_.frames == 0 || (in_part_ > 0 && in_part_ < division_.frames)) return;
  work.first_of_part = true;
  if (stream_ && part_ > division_.first) stream_->save(division_.memory(part_));
  ++part_;
  in_part_ = 0;
}

void Labeller::remember(const Image& image) {
  if (every_ == 1) return;
  before_ = image;  // into the memory of the one before
  has_before_ = true;
}

void Labeller::look_ahead(const Frame& frame) {
  const bool due = schedule_ahead_.due(has_before_ ? &before_ : nullptr, frame.image);
  remember(frame.image);
  if (!due) return;
  ImageFeatures features = segmenter_.look(frame.image, options_);
  clip_->add(features);
  if (ahead_bytes_ + features.bytes() > kMemoryForFirstPass) return;
  ahead_bytes_ += features.bytes();
  ahead_.emplace(frame.number, std::move(features));
}

ImageFeatures Labeller::features_of(const Frame& frame) {
  const auto found = ahead_.find(frame.number);
  if (found == ahead_.end()) return segmenter_.look(frame.image, options_);
  ImageFeatures features = std::move(found->second);
  ahead_.erase(found);
  return features;
}

void Labeller::label(Work& work) {
  if (clip_ && looked_ == 0) has_before_ = false;  // the second pass begins
  const Image& image = work.frame.image;
  work.first_of_part = false;
  if (schedule_.due(has_before_ ? &before_ : nullptr, image)) {
    work.carried = false;
    divide(work);
    ++looked_;
    if (stream_)
      segmenter_.segment(stream_->next(segmenter_.look(image, options_)), words_, options_, work.result);
    else if (clip_)
      segmenter_.segment(clip_->steady(features_of(work.frame)), words_, options_, work.result);
    else
      segmenter_.segment(image, words_, options_, work.result);
    if (every_ > 1) key_ = work.result;
    past_.height = 0;
  } else {
    work.carried = true;
    estimator_.flow(before_, image, step_);
    if (past_.height == 0)
      std::swap(past_, step_);
    else
      follow(step_, past_, sum_), std::swap(past_, sum_);
    work.result = key_;
    carry(key_.labels, past_, work.result.labels);
    count_areas(work.result.labels, work.result.areas);
  }
  ++in_part_;
  remember(image);
}

}  // namespace san::video
