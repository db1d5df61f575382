// How a SegmentationTask measures and shows itself.
#include <algorithm>
#include <cmath>

#include "base/progress.h"
#include "base/thread_pool.h"
#include "metrics/metrics.h"
#include "train/labelling.h"
#include "train/segmentation_task.h"

namespace san {
namespace {

constexpr int kChunk = 16;                               // pictures made at once
constexpr std::int64_t kPixels = std::int64_t{1} << 20;  // that the network sees at once
constexpr std::int64_t kMultiple = 32;                   // of padded inputs

bool alike(const EvaluationPicture& a, const EvaluationPicture& b) {
  return a.shown.height == b.shown.height && a.shown.width == b.shown.width &&
         a.truth.height == b.truth.height && a.truth.width == b.truth.width;
}

std::int64_t padded(std::int64_t side) {
  return (side + kMultiple - 1) / kMultiple * kMultiple;
}

/// The first of `pictures` that can be shown together.
std::size_t group_size(std::span<const EvaluationPicture> pictures) {
  const std::int64_t pixels = std::int64_t{pictures[0].shown.height} * pictures[0].shown.width;
  const auto most = static_cast<std::size_t>(std::max<std::int64_t>(1, kPixels / pixels));
  std::size_t n = 1;
  while (n < pictures.size() && n < most && alike(pictures[0], pictures[n])) ++n;
  return n;
}

}  // namespace

EvaluationPicture SegmentationTask::load_picture(int index) const {
  return evaluation_->load(index, static_cast<int>(model_.config.short_side),
                           static_cast<int>(model_.config.long_side));
}

at::Tensor SegmentationTask::label(std::span<const EvaluationPicture> pictures, const ClassTexts& text) {
  const Image& first = pictures[0].shown;
  const Grid content{first.height, first.width}, input{padded(content.height), padded(content.width)};
  const Grid output{pictures[0].truth.height, pictures[0].truth.width};
  at::Tensor bytes =
      at::empty({static_cast<std::int64_t>(pictures.size()), content.height, content.width, 3}, at::kByte);
  std::uint8_t* to = bytes.data_ptr<std::uint8_t>();
  for (const EvaluationPicture& p : pictures) to = std::ranges::copy(p.shown.rgb, to).out;
  const at::Tensor images =
      at::constant_pad_nd(normalized_images(bytes.to(backend_->device())),
                          {0, 0, 0, input.width - content.width, 0, input.height - content.height});
  return segment(network_->forward(images, text, false).back(), input, content, output).to(at::kCPU);
}

NamedValues SegmentationTask::evaluate(const EvaluationRun& run) {
  if (!evaluation_) return {};
  const at::NoGradGuard guard;
  const int count =
      run.thorough ? evaluation_->size() : std::min(evaluation_->size(), recipe_.evaluation_scenes);
  ConfusionMatrix confusion(static_cast<int>(evaluation_->class_names().size()));
  ThreadPool pool(recipe_.data.workers);
  Progress bar("evaluation", count, run.quiet);
  for (int begin = 0; begin < count; begin += kChunk) {
    std::vector<EvaluationPicture> pictures(static_cast<std::size_t>(std::min(kChunk, count - begin)));
    pool.parallel_for(static_cast<std::int64_t>(pictures.size()), 1, [&](std::int64_t from, std::int64_t to) {
      for (std::int64_t i = from; i < to; ++i)
        pictures[static_cast<std::size_t>(i)] = load_picture(begin + static_cast<int>(i));
    });
    for (std::span<const EvaluationPicture> rest = pictures; !rest.empty();) {
      if (run.interrupted()) return {};
      const std::size_t n = group_size(rest);
      const at::Tensor found = label(rest.first(n), evaluation_text_);
      const auto* labels = reinterpret_cast<const Label*>(found.data_ptr<std::int32_t>());
      for (const EvaluationPicture& p : rest.first(n)) {
        confusion.add({labels, p.truth.labels.size()}, p.truth.labels, kNoLabel);
        labels += p.truth.labels.size();
      }
      bar.advance(static_cast<std::int64_t>(n));
      rest = rest.subspan(n);
    }
  }
  const Metrics metrics = compute_metrics(confusion, BoundaryCounts(confusion.classes()));
  class_values_.clear();
  for (std::size_t c = 0; c < metrics.classes.size(); ++c)
    class_values_.emplace_back(evaluation_->class_names()[c], metrics.classes[c].iou.value_or(NAN));
  NamedValues values{{"miou", metrics.miou}};
  for (const auto& [name, members] : evaluation_->groups()) {
    double sum = 0;
    int scored = 0;
    for (const int c : members)
      if (const auto iou = metrics.classes[static_cast<std::size_t>(c)].iou) sum += *iou, ++scored;
    values.emplace_back("miou_" + name, scored > 0 ? sum / scored : 0);
  }
  return values;
}

std::vector<SamplePicture> SegmentationTask::samples() {
  constexpr int kPictures = 5;
  const at::NoGradGuard guard;
  std::vector<SamplePicture> samples;
  for (int i = 0; i < kPictures && (!evaluation_ || i < evaluation_->size()); ++i) {
    EvaluationPicture p;
    if (evaluation_) {
      p = load_picture(i);
    } else {
      p.picture = Image(samples_->height(), samples_->width());
      p.truth = LabelMap(samples_->height(), samples_->width());
      samples_->fill(static_cast<std::uint64_t>(i), p.picture.rgb.data(), p.truth.labels.data());
      p.shown = p.picture;
    }
    const at::Tensor labels = label({&p, 1}, evaluation_ ? evaluation_text_ : text_);
    LabelMap found(p.truth.height, p.truth.width);
    std::copy_n(labels.data_ptr<std::int32_t>(), found.labels.size(), found.labels.begin());
    samples.push_back({std::move(p.picture), std::move(p.truth), std::move(found)});
  }
  return samples;
}

}  // namespace san
