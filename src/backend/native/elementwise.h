#pragma once
#include "backend/native/view.h"
#include "backend/types.h"
#include "base/thread_pool.h"

namespace san::native {

enum class Binary : std::uint8_t { kAdd, kMul };

/// Values of any layout into a dense or strided target of the same shape.
void copy_values(const View& from, const View& to, ThreadPool& pool);
/// out = a ∘ b; a and b broadcast to out's shape, out dense.
void combine(Binary op, const View& a, const View& b, const View& out, ThreadPool& pool);
void activate_values(Activation kind, const View& x, const View& out, ThreadPool& pool);

/// Rows ops; x and out have as many rows, out dense.
void softmax_rows(const Rows& x, float* out, ThreadPool& pool);
void l2_normalize_rows(const Rows& x, float* out, ThreadPool& pool);
/// out = norm(x) · weight + bias; with `y`, x + y is normalised and also written to `sum`.
struct NormRows {
  Rows x;
  const Rows* y = nullptr;
  float* sum = nullptr;
  const float *weight = nullptr, *bias = nullptr;
  float eps = 0;
  float* out = nullptr;
};
void layer_norm_rows(const NormRows& n, ThreadPool& pool);

}  // namespace san::native
