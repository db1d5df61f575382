#pragma once
#include <map>

#include "san/image.hpp"

namespace san {

/// Where a label has most room around it: the centre and radius, in pixels, of about the largest disc inside
/// it.
struct RegionAnchor {
  int x = 0, y = 0;
  float radius = 0.0f;
};

/// For every label that occurs, found on a grid of at most some 300 cells a side.
std::map<Label, RegionAnchor> region_anchors(const LabelMap& labels);

}  // namespace san
