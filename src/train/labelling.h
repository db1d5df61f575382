#pragma once
#include "backend/types.h"
#include "train/criterion.h"

namespace san {

/// Labels [B, H, W] int16 by SAN's rule (docs/network.md §8), on the device of the prediction: mask logits
/// resized to `padded`, the network's input, cropped to its `content`, resized to `output`; softmax over
/// classes without "no object", times sigmoid of the masks, summed over queries; the first class of the
/// highest score.
///
/// The engine has this rule once more (src/labels/segmentation_head.h), in kernels for the processor that the
/// training-only build is without and a CUDA device cannot run; tests/train/labelling_test.cpp compares the
/// two.
at::Tensor segment(const Prediction& prediction, Grid padded, Grid content, Grid output);

}  // namespace san
