#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "san/image.hpp"

namespace san {

/// Where each pixel of a picture was in another one: at (x + dx, y + dy). In pixels.
struct FlowField {
  int height = 0, width = 0;
  std::vector<float> dx, dy;  ///< [height, width]

  std::size_t at(int y, int x) const {
    return static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x);
  }
};

/// Dense optical flow by inverse search (Kroeger et al., ECCV 2016), as OpenCV has it, on pictures made
/// smaller where a side is longer than 512 pixels. One thread's; its memory is used again.
class FlowEstimator {
 public:
  FlowEstimator();
  ~FlowEstimator();
  /// From each pixel of `now` to its place in `before`. Throws Error when the sizes differ.
  void flow(const Image& before, const Image& now, FlowField& result);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Where a pixel of the newest picture was two pictures ago: `step` leads from it to the one before, `past`
/// from there on. Throws Error when the sizes differ.
void follow(const FlowField& step, const FlowField& past, FlowField& result);

/// The labels of `from`, moved along `flow` to where they are now; what came in at the rim takes the nearest
/// label. Throws Error when the sizes differ.
void carry(const LabelMap& from, const FlowField& flow, LabelMap& to);

/// Pixels whose label is not that of the frame before, as shares of those that are compared.
struct LabelChanges {
  double in_place = 0;    ///< against the same place
  double along_flow = 0;  ///< against the place where the flow says the pixel was; only pixels whose flow
                          ///< leads back to them (the way there and back ends within a pixel)
  double compared = 0;    ///< share of the pixels for which it does
};
/// `backward` leads from `now` to `before`, `forward` the other way. Throws Error when the sizes differ.
LabelChanges label_changes(const LabelMap& before, const LabelMap& now, const FlowField& backward,
                           const FlowField& forward);

/// How unlike two pictures are, 0 … 1: the share of pixels that would have to change their brightness for the
/// quarters of one to have the distributions of brightness of the other's. Things that move change it little.
double scene_change(const Image& before, const Image& now);

}  // namespace san
