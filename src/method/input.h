#pragma once
#include "image/preprocess.h"
#include "method/method.h"

namespace san {

/// A picture as a network takes it.
struct NetworkInput : Placement {
  Tensor image;  ///< [1, height·width, 3]
  double ms = 0;
};

/// Mirrored if asked for, resized by `options` (what they leave open is `usual`; no side below `least`),
/// normalised, padded to multiples of `multiple`. Throws Error on an empty picture and on sizes that no
/// network could take.
NetworkInput fit_picture(const Compute& compute, const Image& picture, const InputSize& usual,
                         const LookOptions& options, int multiple, int least = 1);

/// How a grid of logits over an input lies on the picture, for the head.
HeadView view_of(const Placement& input, Grid grid, bool mirrored);

}  // namespace san
