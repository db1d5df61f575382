#include "backend/native/elementwise.h"

#include <algorithm>

#include "backend/native/hwy_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/native/elementwise.cpp"
#include <hwy/foreach_target.h>
// foreach_target must come before:
#include <hwy/highway.h>

#include "backend/native/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace san::native::HWY_NAMESPACE {

HWY_INLINE V load_some(const float* p, std::int64_t rest) {
  return rest >= static_cast<std::int64_t>(lanes()) ? hn::LoadU(F(), p)
                                                    : load_part(p, static_cast<std::size_t>(rest));
}
HWY_INLINE void store_some(V v, float* p, std::int64_t rest) {
  if (rest >= static_cast<std::int64_t>(lanes()))
    hn::StoreU(v, F(), p);
  else
    store_part(v, p, static_cast<std::size_t>(rest));
}

template <class Op>
HWY_INLINE void combine_loop(const float* a, std::int64_t a_step, const float* b, std::int64_t b_step,
                             float* out, std::int64_t count, Op op) {
  const F d;
  const auto n = static_cast<std::int64_t>(lanes());
  if (a_step > 1 || b_step > 1) {
    for (std::int64_t i = 0; i < count; ++i)
      out[i] = hn::GetLane(op(hn::Set(d, a[i * a_step]), hn::Set(d, b[i * b_step])));
    return;
  }
  for (std::int64_t i = 0; i < count; i += n) {
    const V x = a_step ? load_some(a + i, count - i) : hn::Set(d, *a);
    const V y = b_step ? load_some(b + i, count - i) : hn::Set(d, *b);
    store_some(op(x, y), out + i, count - i);
  }
}

void combine_row(Binary op, const float* a, std::int64_t a_step, const float* b, std::int64_t b_step,
                 float* out, std::int64_t count) {
  if (op == Binary::kAdd)
    combine_loop(a, a_step, b, b_step, out, count, [](V x, V y) HWY_ATTR { return hn::Add(x, y); });
  else
    combine_loop(a, a_step, b, b_step, out, count, [](V x, V y) HWY_ATTR { return hn::Mul(x, y); });
}

void activate_row(Activation kind, const float* x, std::int64_t step, float* out, std::int64_t count) {
  const F d;
  const auto n = static_cast<std::int64_t>(lanes());
  with_activation(kind, [&](auto which) HWY_ATTR {
    if (step != 1) {
      for (std::int64_t i = 0; i < count; ++i)
        out[i] = hn::GetLane(activated<which()>(hn::Set(d, x[i * step])));
      return;
    }
    for (std::int64_t i = 0; i < count; i += n)
      store_some(activated<which()>(load_some(x + i, count - i)), out + i, count - i);
  });
}

void softmax_row(const float* x, float* out, std::int64_t count) {
  const F d;
  const auto n = static_cast<std::int64_t>(lanes());
  V top = hn::Set(d, -3e38f);
  std::int64_t i = 0;
  for (; i + n <= count; i += n) top = hn::Max(top, hn::LoadU(d, x + i));
  float highest = hn::GetLane(hn::MaxOfLanes(d, top));
  for (; i < count; ++i) highest = std::max(highest, x[i]);
  const V shift = hn::Set(d, highest);
  V total = hn::Zero(d);
  for (i = 0; i < count; i += n) {
    V e = exp(hn::Sub(load_some(x + i, count - i), shift));
    if (count - i < n) e = hn::IfThenElseZero(hn::FirstN(d, static_cast<std::size_t>(count - i)), e);
    total = hn::Add(total, e);
    store_some(e, out + i, count - i);
  }
  const V factor = hn::Div(hn::Set(d, 1.0f), hn::SumOfLanes(d, total));
  for (i = 0; i < count; i += n)
    store_some(hn::Mul(load_some(out + i, count - i), factor), out + i, count - i);
}

void l2_normalize_row(const float* x, float* out, std::int64_t count) {
  const F d;
  const auto n = static_cast<std::int64_t>(lanes());
  V squares = hn::Zero(d);
  for (std::int64_t i = 0; i < count; i += n) {
    const V v = load_some(x + i, count - i);
    squares = hn::MulAdd(v, v, squares);
  }
  const V factor = activated<Activation::kInverseNorm>(hn::SumOfLanes(d, squares));
  for (std::int64_t i = 0; i < count; i += n)
    store_some(hn::Mul(load_some(x + i, count - i), factor), out + i, count - i);
}

// x, then mean and variance in two passes over values in the first-level cache.
void layer_norm_row(const float* x, const float* y, float* sum, const float* weight, const float* bias,
                    float eps, float* out, std::int64_t count) {
  const F d;
  const auto n = static_cast<std::int64_t>(lanes());
  V total = hn::Zero(d);
  for (std::int64_t i = 0; i < count; i += n) {
    V v = load_some(x + i, count - i);
    if (y) {
      v = hn::Add(v, load_some(y + i, count - i));
      store_some(v, sum + i, count - i);
    }
    total = hn::Add(total, v);
  }
  const float* from = y ? sum : x;
  const V inverse_count = hn::Set(d, 1.0f / static_cast<float>(count));
  const V mean = hn::Mul(hn::SumOfLanes(d, total), inverse_count);
  V squares = hn::Zero(d);
  for (std::int64_t i = 0; i < count; i += n) {
    V v = hn::Sub(load_some(from + i, count - i), mean);
    if (count - i < n) v = hn::IfThenElseZero(hn::FirstN(d, static_cast<std::size_t>(count - i)), v);
    squares = hn::MulAdd(v, v, squares);
  }
  const V variance = hn::Mul(hn::SumOfLanes(d, squares), inverse_count);
  const V factor = hn::Div(hn::Set(d, 1.0f), hn::Sqrt(hn::Add(variance, hn::Set(d, eps))));
  for (std::int64_t i = 0; i < count; i += n) {
    const std::int64_t rest = count - i;
    const V v = hn::Mul(hn::Sub(load_some(from + i, rest), mean), factor);
    store_some(hn::MulAdd(v, load_some(weight + i, rest), load_some(bias + i, rest)), out + i, rest);
  }
}

}  // namespace san::native::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace san::native {

HWY_EXPORT(combine_row);
HWY_EXPORT(activate_row);
HWY_EXPORT(softmax_row);
HWY_EXPORT(l2_normalize_row);
HWY_EXPORT(layer_norm_row);

namespace {

/// Values worth waking another thread for.
constexpr std::int64_t kGrainValues = 16 * 1024;

std::int64_t grain_rows(std::int64_t columns) {
  return std::max<std::int64_t>(1, kGrainValues / std::max<std::int64_t>(1, columns));
}

/// Runs body(pointers..., count) over the innermost axis of equally shaped views; long axes are cut.
template <std::size_t count, class Body>
void for_each_run(std::array<View, count> views, ThreadPool& pool, const Body& body) {
  if (views[0].shape.elements() == 0) return;
  merge_axes(views);
  const Shape& shape = views[0].shape;
  const int rank = shape.rank();
  const std::int64_t inner = shape[-1], outer = shape.elements() / inner;
  constexpr std::int64_t kRun = 8 * 1024;
  const std::int64_t runs = (inner + kRun - 1) / kRun;
  pool.parallel_for(outer * runs, std::max<std::int64_t>(1, kGrainValues / std::min(inner, kRun)),
                    [&](std::int64_t begin, std::int64_t end) {
                      for (std::int64_t i = begin; i < end; ++i) {
                        const std::int64_t first = i % runs * kRun;
                        std::array<float*, count> p;
                        for (std::size_t v = 0; v < count; ++v) {
                          p[v] = views[v].data + first * views[v].stride(-1);
                          std::int64_t rest = i / runs;
                          for (int axis = rank - 2; axis >= 0; --axis) {
                            p[v] += rest % shape[axis] * views[v].stride(axis);
                            rest /= shape[axis];
                          }
                        }
                        body(p, std::min(kRun, inner - first), views);
                      }
                    });
}

}  // namespace

void copy_values(const View& from, const View& to, ThreadPool& pool) {
  for_each_run<2>({from, to}, pool, [](const auto& p, std::int64_t count, const auto& views) {
    const std::int64_t a = views[0].stride(-1), b = views[1].stride(-1);
    if (a == 1 && b == 1)
      std::copy_n(p[0], count, p[1]);
    else
      for (std::int64_t i = 0; i < count; ++i) p[1][i * b] = p[0][i * a];
  });
}

void combine(Binary op, const View& a, const View& b, const View& out, ThreadPool& pool) {
  const auto run = HWY_DYNAMIC_DISPATCH(combine_row);
  for_each_run<3>({broadcast_view(a, out.shape), broadcast_view(b, out.shape), out}, pool,
                  [&](const auto& p, std::int64_t count, const auto& views) {
                    run(op, p[0], views[0].stride(-1), p[1], views[1].stride(-1), p[2], count);
                  });
}

void activate_values(Activation kind, const View& x, const View& out, ThreadPool& pool) {
  const auto run = HWY_DYNAMIC_DISPATCH(activate_row);
  for_each_run<2>({x, out}, pool, [&](const auto& p, std::int64_t count, const auto& views) {
    run(kind, p[0], views[0].stride(-1), p[1], count);
  });
}

void softmax_rows(const Rows& x, float* out, ThreadPool& pool) {
  const auto run = HWY_DYNAMIC_DISPATCH(softmax_row);
  pool.parallel_for(x.count(), grain_rows(x.columns), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) run(x.row(i), out + i * x.columns, x.columns);
  });
}

void l2_normalize_rows(const Rows& x, float* out, ThreadPool& pool) {
  const auto run = HWY_DYNAMIC_DISPATCH(l2_normalize_row);
  pool.parallel_for(x.count(), grain_rows(x.columns), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) run(x.row(i), out + i * x.columns, x.columns);
  });
}

void layer_norm_rows(const NormRows& n, ThreadPool& pool) {
  const auto run = HWY_DYNAMIC_DISPATCH(layer_norm_row);
  const std::int64_t columns = n.x.columns;
  pool.parallel_for(n.x.count(), grain_rows(columns), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      run(n.x.row(i), n.y ? n.y->row(i) : nullptr, n.y ? n.sum + i * columns : nullptr, n.weight, n.bias,
          n.eps, n.out + i * columns, columns);
  });
}

}  // namespace san::native
#endif
