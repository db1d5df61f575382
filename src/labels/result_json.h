#pragma once
#include <span>
#include <string>

#include "labels/mask_proposals.h"
#include "labels/segmentation_head.h"
#include "san/calibration.hpp"
#include "san/colors.hpp"

namespace san {

/// What a result's description needs beside the result. Borrows.
struct ResultInfo {
  std::string image;  ///< what was segmented, as the user named it
  std::string model;
  std::span<const std::string> names;  ///< of the classes
  std::span<const Rgb> colors;         ///< of the classes
  std::span<const MaskProposal> proposals = {};
  ScoreCurve curve{};  ///< of the model's scores
};

/// A JSON object: image, model, width, height, classes (those present, the largest first: index, name, color,
/// area in pixels, share, mean_score where label scores are known and mean_probability where their curve is,
/// segmentation as COCO RLE; "other" has index null) and, if given, proposals (query, class, scores, area,
/// segmentation). Text that is not UTF-8 is repaired.
std::string result_json(const SegmentationResult& result, const ResultInfo& info);

}  // namespace san
