#pragma once
#include <vector>

#include "method/san_masks.h"
#include "san/image.hpp"

namespace san {

/// What one picture shows of one class: an embedding of length 1 and how much of the class it stands for.
struct RegionExample {
  int class_index = 0;
  int query = 0;    ///< whose embedding it is
  float share = 1;  ///< in (0, 1]; over a class of a picture they sum to 1
  std::vector<float> embedding;
};

/// How the masks of a picture lie on its classes, in pixels of the picture.
struct MaskOverlaps {
  std::vector<int> classes;                 ///< those with pixels, ascending
  std::vector<double> areas;                ///< of the classes
  std::vector<double> mask_areas;           ///< of each query: its mask probabilities summed
  std::vector<std::vector<double>> inside;  ///< [class][query]: of a mask, what lies on the class
};

/// Throws Error when the label map has another size than the picture, or a label that is neither below
/// `classes` nor kNoLabel.
MaskOverlaps overlaps(const MaskFeatures& seen, const LabelMap& truth, int classes);

/// Of every class that covers at least `kLeastShare` of the picture the queries that lie on it, each as an
/// example: at least one.
std::vector<RegionExample> pool_examples(const MaskFeatures& seen, const LabelMap& truth, int classes);

/// Queries whose mask probabilities fill at least a share of the picture: what it shows, known or not.
std::vector<int> visible_queries(const MaskFeatures& seen);

}  // namespace san
