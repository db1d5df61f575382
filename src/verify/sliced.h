#pragma once
#include <string>
#include <vector>

#include "tensor/shape.h"

namespace san {

/// Row-major float values with their shape.
struct Values {
  Shape shape;
  std::vector<float> data;
};

/// Applies a recorded slice ("[:, ::4, :, :] of [1, 12, 100, 2160]" or "whole of …") to the full tensor,
/// whose extents must be those after "of"; an empty spec returns it unchanged. Throws Error on a malformed
/// spec.
Values take_slice(const Values& full, const std::string& spec, const std::string& name);

/// Axes permuted as numpy's transpose.
Values transpose(const Values& x, const std::vector<int>& axes);

}  // namespace san
