#pragma once
#include "image/preprocess.h"
#include "method/method.h"

namespace san {

/// The picture as a network takes it: mirrored if asked for, resized by `options` (what they leave open is
/// `usual`; no side below `least`), normalised, padded to multiples of `multiple`; lives until the next look.
/// Throws Error on an empty picture and on sizes that no network could take.
const Preprocessed& fit_picture(const Compute& compute, const Image& picture, const InputSize& usual,
                                const LookOptions& options, int multiple, int least = 1);

/// How a grid of logits over `input` lies on the picture, for the head.
HeadView view_of(const Preprocessed& input, Grid grid, bool mirrored);

}  // namespace san
