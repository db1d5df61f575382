#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "san/image.hpp"
#include "train/points.h"

namespace san {

/// What the network says for a batch at one supervised depth.
struct Prediction {
  at::Tensor class_logits;  ///< [B, Q, K + 1], the last column "no object"
  at::Tensor mask_logits;   ///< [B, Q, h, w]
};

/// What a batch shows: one binary mask per class present.
struct Targets {
  at::Tensor labels;  ///< [B, H, W] of an integer type, on the device of the predictions
  /// The classes in each image; whatever else is in `labels` is ignored.
  std::vector<std::vector<std::int64_t>> classes;
};

/// The classes in a label map, ascending, without `ignore`.
std::vector<std::int64_t> classes_present(std::span<const Label> labels, Label ignore);

struct CriterionOptions {
  double class_weight = 2, mask_weight = 5, dice_weight = 5;
  double no_object_weight = 0.1;  ///< of the "no object" class within the cross-entropy
  std::int64_t points = 112 * 112;
  double oversample = 3, importance = 0.75;
};

/// What the losses are divided by, averaged over the processes of the global batch.
struct Normalizers {
  double masks = 1;         ///< matched masks, at least 1
  double class_weight = 1;  ///< summed weights of the cross-entropy
};

/// This process's share: its sums, to be averaged with those of the others.
Normalizers local_normalizers(const Targets& targets, std::int64_t queries, const CriterionOptions& options);

/// What the matching decided, for one prediction.
struct Matching {
  std::vector<at::Tensor> cost;  ///< per image, [Q, targets]
  std::vector<std::vector<std::pair<std::int64_t, std::int64_t>>> query_and_target;  ///< per image, by query
  at::Tensor points;                                                                 ///< of the mask losses
};

struct Losses {
  at::Tensor total;  ///< weighted sum
  /// "loss_ce", "loss_mask", "loss_dice", then the same with "_0", "_1" … for the earlier depths; unweighted.
  std::vector<std::pair<std::string, at::Tensor>> terms;
  std::vector<Matching> matchings;  ///< final first; filled on request
};

/// The set criterion of docs/network.md §9 (MaskFormer's, with point sampling). `predictions`: earlier depths
/// first, the final one last.
Losses criterion(const std::vector<Prediction>& predictions, const Targets& targets,
                 const CriterionOptions& options, const Normalizers& normalizers, PointSource& points,
                 bool keep_matchings = false);

}  // namespace san
