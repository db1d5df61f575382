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

void Shape::fail_axis(int axis) const {
  fail("shape {}: no axis {}", *this, axis);
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
  return fmt::format("{}", *this);
}

}  // namespace san

fmt::format_context::iterator fmt::formatter<san::Shape>::format(const san::Shape& shape,
                                                                 format_context& context) const {
  return fmt::format_to(context.out(), "[{}]", fmt::join(shape.extents(), ", "));
}
