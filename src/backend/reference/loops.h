#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "backend/types.h"

namespace san::reference {

using Values = std::vector<float>;

inline double activation(Activation kind, double x) {
  switch (kind) {
    case Activation::kNone:
      return x;
    case Activation::kRelu:
      return std::max(x, 0.0);
    case Activation::kGelu:
      return 0.5 * x * (1.0 + std::erf(x / std::sqrt(2.0)));
    case Activation::kQuickGelu:
      return x / (1.0 + std::exp(-1.702 * x));
    case Activation::kSigmoid:
      return 1.0 / (1.0 + std::exp(-x));
    case Activation::kExp:
      return std::exp(x);
    case Activation::kInverseNorm:
      return 1.0 / std::max(std::sqrt(x), 1e-12);
  }
  return x;
}

/// Row-major strides of `from` seen through `to`; axes that broadcast get stride 0.
std::vector<std::int64_t> broadcast_strides(const Shape& from, const Shape& to);

/// Calls body(linear output index, multi-index) for every element.
template <class Body>
void for_each_index(const Shape& shape, Body&& body) {
  std::vector<std::int64_t> index(static_cast<std::size_t>(shape.rank()), 0);
  const std::int64_t n = shape.elements();
  for (std::int64_t i = 0; i < n; ++i) {
    body(i, index);
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      if (++index[static_cast<std::size_t>(axis)] < shape[axis]) break;
      index[static_cast<std::size_t>(axis)] = 0;
    }
  }
}

/// The source positions and weights of one target position along one axis.
struct Taps {
  std::int64_t index[4];
  double weight[4];
  int count;
};

/// Torch's rule for align_corners = false: source = (target + 0.5)·step − 0.5, borders repeated; bilinear
/// clamps at 0.
Taps interpolation_taps(std::int64_t target, std::int64_t from, double step, Interpolation kernel);

}  // namespace san::reference
