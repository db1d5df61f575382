#pragma once
#include <array>
#include <cstdint>
#include <optional>

#include "backend/native/buffer.h"
#include "tensor/tensor.h"

namespace san::native {

using Strides = std::array<std::int64_t, Shape::kMaxRank>;

/// Where a tensor's values lie: slices, permutations and broadcasts share the buffer of their source.
struct FloatStorage : Storage {
  FloatStorage(BufferPtr owner, float* first, const Strides& steps)
      : buffer(std::move(owner)), data(first), strides(steps) {}

  BufferPtr buffer;
  float* data;
  Strides strides;  ///< in floats, per axis
};

/// A borrowed strided array.
struct View {
  float* data = nullptr;
  Shape shape;
  Strides strides{};

  std::int64_t stride(int axis) const { return strides[static_cast<std::size_t>(shape.checked(axis))]; }
};

Strides dense_strides(const Shape& shape);
bool dense(const View& v);

/// The values of `v` seen as `shape`, if no copy is needed.
std::optional<Strides> restride(const View& v, const Shape& shape);

/// `v` with leading axes of extent 1 and stride 0 where it is broadcast to `shape`.
View broadcast_view(const View& v, const Shape& shape);

/// Views with equal extents, axes merged where every one of them allows: [outer axes..., inner].
/// Extents of 1 vanish.
template <std::size_t count>
void merge_axes(std::array<View, count>& views);

/// Rows of a matrix: `outer` groups of `rows` rows, `columns` adjacent values each.
struct Rows {
  float* data = nullptr;
  std::int64_t outer = 1, rows = 1, columns = 0, outer_stride = 0, row_stride = 0;

  std::int64_t count() const { return outer * rows; }
  float* row(std::int64_t i) const { return data + i / rows * outer_stride + i % rows * row_stride; }
};
/// All axes but the last as rows; nothing when the last axis is not adjacent or the rows need three strides.
std::optional<Rows> as_rows(const View& v);

template <std::size_t count>
void merge_axes(std::array<View, count>& views) {
  const Shape shape = views[0].shape;
  Shape merged;
  std::array<Strides, count> strides{};
  int rank = 0;
  std::array<std::int64_t, Shape::kMaxRank> extents{};
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] == 1) continue;
    bool joins = rank > 0;
    for (std::size_t i = 0; i < count && joins; ++i)
      joins = strides[i][static_cast<std::size_t>(rank - 1)] == views[i].stride(axis) * shape[axis];
    if (!joins) ++rank;
    const auto at = static_cast<std::size_t>(rank - 1);
    extents[at] = joins ? extents[at] * shape[axis] : shape[axis];
    for (std::size_t i = 0; i < count; ++i) strides[i][at] = views[i].stride(axis);
  }
  if (rank == 0) {
    extents[0] = 1;
    rank = 1;
  }
  merged = Shape(std::span<const std::int64_t>(extents.data(), static_cast<std::size_t>(rank)));
  for (std::size_t i = 0; i < count; ++i) {
    views[i].shape = merged;
    views[i].strides = strides[i];
  }
}

}  // namespace san::native
