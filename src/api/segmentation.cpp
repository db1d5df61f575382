#include <algorithm>
#include <map>

#include "api/internal.h"
#include "checkpoint/safetensors.h"
#include "labels/mask_proposals.h"
#include "labels/result_json.h"

namespace san {
namespace {

constexpr int kMaxSide = 1 << 16;

}  // namespace

const Segmentation::Answer& Segmentation::answer() const {
  require(answer_ != nullptr, "segmentation: this object holds no result; segment a picture into it first");
  return *answer_;
}

const std::vector<std::string>& Segmentation::classes() const {
  return *answer().asked;
}

std::vector<MaskProposal> Segmentation::proposals(const ProposalOptions& options) const {
  const Answer& a = answer();
  require(options.min_class_score >= 0 && options.min_class_score <= 1,
          "mask proposals: the least class score must lie in 0 … 1, got {}", options.min_class_score);
  require_possible(a.engine->method_info(), Background::kNone, true);
  require(a.logits.size() == 1,
          "mask proposals: the picture was seen in several views, each with masks of its own; proposals need "
          "one look at "
          "the whole picture");
  return mask_proposals(a.logits.front().view, a.height, a.width, a.head(), options, *a.pool);
}

std::vector<float> Segmentation::class_scores(std::span<const int> chosen, int height, int width) const {
  const Answer& a = answer();
  if (height == 0 && width == 0) height = a.height, width = a.width;
  require(!a.logits.empty(),
          "class scores: the answers for tiles are not kept; ask for label scores instead");
  const std::vector<HeadView> views = head_views(a.logits);
  require((height == a.height && width == a.width) || views.front().region.height == 0,
          "class scores: those of windows have the picture's size, {} × {}; asked for {} × {}", a.width,
          a.height, width, height);
  require(height > 0 && width > 0 && height <= kMaxSide && width <= kMaxSide,
          "class scores: a map of {} × {} pixels; expected sides of 1 to {}, or 0 × 0 for the picture's",
          width, height, kMaxSide);
  const HeadOptions head = a.head();
  std::vector<int> places(chosen.begin(), chosen.end());
  for (int& k : places) {
    require(k >= 0 && k <= head.asked(), "class scores: class {} of {}", k, head.asked());
    if (k == head.asked()) k = head.classes;  // the background stands behind the distractors
  }
  return SegmentationHead(*a.pool).class_scores(views, height, width, head, places);
}

std::string Segmentation::json(const JsonOptions& options) const {
  const std::vector<std::string>& names = classes();
  require(labels.labels.size() ==
                  static_cast<std::size_t>(labels.height) * static_cast<std::size_t>(labels.width) &&
              (label_scores.empty() || label_scores.size() == labels.labels.size()),
          "segmentation: {} labels and {} scores for {} × {} pixels", labels.labels.size(),
          label_scores.size(), labels.width, labels.height);
  require(std::ranges::all_of(labels.labels, [&](Label label) { return label <= names.size(); }),
          "segmentation: a label is none of the {} classes", names.size());
  const std::vector<Rgb> colors = class_colors(options.colors, names.size());
  return result_json({labels, areas, label_scores}, {options.image, options.model, names, colors,
                                                     options.proposals, answer().options.curve});
}

void Segmentation::save_scores(const std::filesystem::path& path) const {
  const Answer& a = answer();
  std::vector<TensorInfo> tensors;
  std::map<std::string, int> index;
  for (std::size_t k = 0; k < classes().size(); ++k) {
    const std::string name = fmt::format("{:04} {}", k, classes()[k]);
    tensors.push_back({name, DType::kF32, {a.height, a.width}});
    index[name] = static_cast<int>(k);
  }
  write_safetensors(path, tensors, {{"format", "san per-class scores, one [height, width] tensor per class"}},
                    [&](const TensorInfo& tensor) {  // a class at a time: never classes × pixels in memory
                      const int chosen = index.at(tensor.name);
                      return HostArray::from(tensor.shape, class_scores({&chosen, 1}));
                    });
}

}  // namespace san
