#include "labels/result_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace san {
namespace {

using Json = nlohmann::ordered_json;

Json segmentation(const Rle& rle) {
  return {{"size", {rle.height, rle.width}}, {"counts", rle_counts_to_string(rle.counts)}};
}

std::string hex(const Rgb& color) {
  return fmt::format("#{:02x}{:02x}{:02x}", color[0], color[1], color[2]);
}

/// Mean of what a label's score says, of each class, [classes + 1].
template <class Value>
std::vector<double> means_of(const SegmentationResult& result, const Value& value) {
  std::vector<double> means(result.areas.size(), 0.0);
  for (std::size_t p = 0; p < result.label_scores.size(); ++p)
    means[result.labels.labels[p]] += value(static_cast<double>(result.label_scores[p]));
  for (std::size_t k = 0; k < means.size(); ++k)
    means[k] /= static_cast<double>(std::max<std::int64_t>(1, result.areas[k]));
  return means;
}

}  // namespace

std::string result_json(const SegmentationResult& result, const ResultInfo& info) {
  const LabelMap& map = result.labels;
  const std::size_t classes = info.names.size();
  require(result.areas.size() == classes + 1 && info.colors.size() >= classes,
          "result: {} names and {} colours for {} classes", classes, info.colors.size(),
          result.areas.size() - 1);
  const auto masks = encode_rles(map);
  const bool calibrated = info.curve.known() && !result.label_scores.empty();
  const std::vector<double> scores = means_of(result, [](double score) { return score; });
  const std::vector<double> probabilities =
      calibrated ? means_of(result, [&](double score) { return info.curve.probability(score); })
                 : std::vector<double>{};
  std::vector<Label> present;
  present.reserve(masks.size());
  for (const auto& [label, mask] : masks) present.push_back(label);
  std::stable_sort(present.begin(), present.end(),
                   [&](Label a, Label b) { return result.areas[a] > result.areas[b]; });

  Json root{{"image", info.image}, {"model", info.model}, {"width", map.width}, {"height", map.height}};
  if (calibrated) root["calibration"] = {{"a", info.curve.a}, {"b", info.curve.b}};
  root["classes"] = Json::array();
  for (const Label label : present) {
    const bool named = label < classes;
    Json entry{{"index", named ? Json(label) : Json(nullptr)},
               {"name", named ? info.names[label] : "other"},
               {"color", hex(named ? info.colors[label] : kOtherColor)},
               {"area", result.areas[label]},
               {"share", static_cast<double>(result.areas[label]) / static_cast<double>(map.labels.size())}};
    if (!result.label_scores.empty()) entry["mean_score"] = scores[label];
    if (calibrated) entry["mean_probability"] = probabilities[label];
    entry["segmentation"] = segmentation(masks.at(label));
    root["classes"].push_back(std::move(entry));
  }
  if (!info.proposals.empty()) root["proposals"] = Json::array();
  for (const MaskProposal& proposal : info.proposals) {
    const auto k = static_cast<std::size_t>(proposal.class_index);
    require(k < classes, "result: a proposal of class {}, but there are {} names", k, classes);
    root["proposals"].push_back({{"query", proposal.query},
                                 {"index", proposal.class_index},
                                 {"name", info.names[k]},
                                 {"score", proposal.score()},
                                 {"class_score", proposal.class_score},
                                 {"mask_score", proposal.mask_score},
                                 {"area", proposal.mask.area()},
                                 {"segmentation", segmentation(proposal.mask)}});
  }
  return root.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace san
