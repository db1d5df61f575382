#include "tensor/shape.h"

#include "base/error.h"

namespace san {

Shape::Shape(std::span<const std::int64_t> extents) {
  require(extents.size() <= kMaxRank, "shape: {} dimensions, at most {} are supported", extents.size(),
          kMaxRank);
  std::int64_t elements = 1;
  for (const auto extent : extents) {
    require(extent >= 0, "shape: dimension {} is negative ({})", rank_, extent);
    require(!__builtin_mul_overflow(elements, extent == 0 ? 1 : extent, &elements) && elements < (1ll << 62),
            "shape: too many elements");
    extents_[static_cast<std::size_t>(rank_++)] = extent;
  }
}

int Shape::checked(int axis) const {
  const int from_front = axis < 0 ? axis + rank_ : axis;
  require(from_front >= 0 && from_front < rank_, "shape {}: no axis {}", str(), axis);
  return from_front;
}

std::int64_t Shape::elements() const {
  return elements(0, rank_);
}

std::int64_t Shape::elements(int begin, int end) const {
  std::int64_t n = 1;
  for (int i = begin; i < end; ++i) n *= extents_[static_cast<std::size_t>(i)];
  return n;
}

std::string Shape::str() const {
  std::string out = "[";
  for (int i = 0; i < rank_; ++i)
    out += (i ? ", " : "") + std::to_string(extents_[static_cast<std::size_t>(i)]);
  return out + "]";
}

}  // namespace san
