#pragma once
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "san/image.hpp"

namespace san {

/// The guided filter (He, Sun and Tang, PAMI 2013) with a colour picture for guide: of a map its smoothed
/// copy that has edges where the picture has them. In each square window the map is taken for a linear
/// function of the picture's colours; a pixel's value is the mean of what the windows around it say. The
/// square's side is 2·radius + 1; at the border it is what lies inside. Colours run from 0 to 1; `epsilon`
/// says how large a variance of colours counts as an edge.
class GuidedFilter {
 public:
  GuidedFilter(const Image& guide, int radius, float epsilon);

  int height() const { return height_; }
  int width() const { return width_; }
  /// Writes the filtered `map`, [height, width], into `out`, which may be the same memory.
  void run(std::span<const float> map, std::span<float> out) const;

 private:
  std::size_t pixels() const { return guide_[0].size(); }

  int height_, width_, radius_;
  std::vector<float> guide_[3];    ///< its channels, 0 to 1
  std::vector<float> mean_[3];     ///< over windows
  std::vector<float> inverse_[6];  ///< of the windows' covariance + epsilon: rr, rg, rb, gg, gb, bb
};

/// Means over squares of side 2·radius + 1, at the border over what lies inside. `out` may be the same
/// memory.
void box_means(std::span<const float> map, int height, int width, int radius, std::span<float> out);

}  // namespace san
