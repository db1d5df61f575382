#include "backend/native/view.h"

namespace san::native {

Strides dense_strides(const Shape& shape) {
  Strides strides{};
  std::int64_t step = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    strides[static_cast<std::size_t>(axis)] = step;
    step *= shape[axis];
  }
  return strides;
}

bool dense(const View& v) {
  const Strides expected = dense_strides(v.shape);
  for (int axis = 0; axis < v.shape.rank(); ++axis)
    if (v.shape[axis] != 1 && v.stride(axis) != expected[static_cast<std::size_t>(axis)]) return false;
  return true;
}

std::optional<Strides> restride(const View& v, const Shape& shape) {
  if (shape.elements() == 0) return dense_strides(shape);
  std::array<View, 1> merged{v};
  merge_axes(merged);
  const View& m = merged[0];
  Strides strides{};
  // Both shapes from the back: each merged axis must be used up by whole target axes.
  int source = m.shape.rank() - 1;
  std::int64_t left = m.shape[source], step = m.stride(source);
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    const std::int64_t extent = shape[axis];
    if (extent == 1) continue;
    if (left == 1) {
      if (--source < 0) return std::nullopt;
      left = m.shape[source], step = m.stride(source);
    }
    if (left % extent != 0) return std::nullopt;
    strides[static_cast<std::size_t>(axis)] = step;
    step *= extent;
    left /= extent;
  }
  return strides;
}

View broadcast_view(const View& v, const Shape& shape) {
  View out{v.data, shape, {}};
  for (int i = 1; i <= v.shape.rank(); ++i)
    if (v.shape[-i] != 1) out.strides[static_cast<std::size_t>(shape.checked(-i))] = v.stride(-i);
  return out;
}

std::optional<Rows> as_rows(const View& v) {
  const int rank = v.shape.rank();
  const std::int64_t columns = v.shape[-1];
  if (columns > 1 && v.stride(-1) != 1) return std::nullopt;
  View lead{v.data, Shape(v.shape.extents().first(static_cast<std::size_t>(rank - 1))), v.strides};
  std::array<View, 1> merged{lead};
  merge_axes(merged);
  const View& m = merged[0];
  if (m.shape.rank() > 2) return std::nullopt;
  if (m.shape.rank() == 1) return Rows{v.data, 1, m.shape[0], columns, 0, m.stride(0)};
  return Rows{v.data, m.shape[0], m.shape[1], columns, m.stride(0), m.stride(1)};
}

}  // namespace san::native
