#include "labels/head_kernels.h"

#include <algorithm>

// This file is compiled once per instruction set by foreach_target.h, which must come before Highway itself.
// clang-format off
// Sums are kept in an array of vectors, which sizeless ones cannot be.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "labels/head_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace san::head::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// At most 16 lanes, so that kQueryAlign and kPanel are whole vectors on every instruction set.
using Tag = hn::CappedTag<float, 16>;
using Vector = hn::Vec<Tag>;

HWY_INLINE Vector sigmoid(Tag d, Vector x) {
  const Vector one = hn::Set(d, 1.0f), lowest = hn::Set(d, kLowestLogit);
  const Vector e = hn::Exp(d, hn::Neg(hn::Max(x, lowest)));
  return hn::IfThenElseZero(hn::Ge(x, lowest), hn::Div(one, hn::Add(one, e)));
}

/// Σ over taps of weight · base[index · step].
HWY_INLINE Vector weighted(Tag d, const AxisWeights::Taps& taps, const float* base, std::size_t step,
                           int origin) {
  Vector sum = hn::Zero(d);
  for (std::size_t t = 0; t < static_cast<std::size_t>(taps.count); ++t) {
    const auto index = static_cast<std::size_t>(taps.index[t] - origin);
    sum = hn::MulAdd(hn::Set(d, taps.weight[t]), hn::LoadU(d, base + index * step), sum);
  }
  return sum;
}

void sigmoid_tile(const TileView& view, float* scratch, float* sigma, std::size_t sigma_stride) {
  const Tag d;
  const std::size_t lanes = hn::Lanes(d), stride = static_cast<std::size_t>(view.stride);
  int first = view.columns[0].index[0], last = first;
  for (const AxisWeights::Taps& taps : view.columns) {
    const auto [low, high] = std::minmax_element(taps.index.begin(), taps.index.begin() + taps.count);
    first = std::min(first, *low);
    last = std::max(last, *high);
  }
  const std::size_t row_step = static_cast<std::size_t>(view.grid_width) * stride;
  const std::size_t span = static_cast<std::size_t>(last - first + 1) * stride;
  const float* grid = view.grid + static_cast<std::size_t>(first) * stride;
  for (const AxisWeights::Taps& row : view.rows) {
    for (std::size_t i = 0; i < span; i += lanes)
      hn::StoreU(weighted(d, row, grid + i, row_step, 0), d, scratch + i);
    for (const AxisWeights::Taps& column : view.columns) {
      for (std::size_t q = 0; q < stride; q += lanes)
        hn::StoreU(sigmoid(d, weighted(d, column, scratch + q, stride, first)), d, sigma + q);
      sigma += sigma_stride;
    }
  }
}

void column_range(const float* sigma, int pixels, std::size_t stride, float* lowest, float* highest) {
  const Tag d;
  for (std::size_t q = 0; q < stride; q += hn::Lanes(d)) {
    Vector low = hn::LoadU(d, sigma + q), high = low;
    for (std::size_t p = 1; p < static_cast<std::size_t>(pixels); ++p) {
      const Vector value = hn::LoadU(d, sigma + p * stride + q);
      low = hn::Min(low, value);
      high = hn::Max(high, value);
    }
    hn::StoreU(low, d, lowest + q);
    hn::StoreU(high, d, highest + q);
  }
}

template <std::size_t kRows>
HWY_INLINE void score_rows(std::span<const Segment> segments, std::size_t panel, const float* sigma,
                           std::size_t sigma_stride, float* scores, std::size_t score_stride) {
  const Tag d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t k = 0; k < kPanel; k += lanes) {
    Vector sum[kRows];
    for (std::size_t r = 0; r < kRows; ++r) sum[r] = hn::Zero(d);
    for (const Segment& segment : segments) {
      const float* weights = segment.panels + panel * segment.panel_stride + k;
      const float* column = sigma + segment.sigma_offset;
      for (int q = 0; q < segment.queries; ++q, weights += kPanel, ++column) {
        const Vector weight = hn::LoadU(d, weights);
        for (std::size_t r = 0; r < kRows; ++r)
          sum[r] = hn::MulAdd(weight, hn::Set(d, column[r * sigma_stride]), sum[r]);
      }
    }
    for (std::size_t r = 0; r < kRows; ++r) hn::StoreU(sum[r], d, scores + r * score_stride + k);
  }
}

void class_scores(std::span<const Segment> segments, int panels, const float* sigma, std::size_t sigma_stride,
                  int pixels, float* scores, std::size_t score_stride) {
  for (std::size_t panel = 0; panel < static_cast<std::size_t>(panels); ++panel)
    for (std::size_t p = 0; p < static_cast<std::size_t>(pixels); p += kPixelAlign)
      score_rows<kPixelAlign>(segments, panel, sigma + p * sigma_stride, sigma_stride,
                              scores + p * score_stride + panel * kPanel, score_stride);
}

Best best_of(const float* values, int count) {
  const Tag d;
  const hn::RebindToSigned<Tag> di;
  const auto lanes = static_cast<int>(hn::Lanes(d));
  Vector best = hn::LoadU(d, values);
  auto index = hn::Iota(di, 0);
  auto best_index = index;
  for (int i = lanes; i < count; i += lanes) {
    index = hn::Add(index, hn::Set(di, lanes));
    const Vector value = hn::LoadU(d, values + i);
    const auto better = hn::Gt(value, best);
    best = hn::IfThenElse(better, value, best);
    best_index = hn::IfThenElse(hn::RebindMask(di, better), index, best_index);
  }
  const Vector largest = hn::MaxOfLanes(d, best);
  const auto tied = hn::RebindMask(di, hn::Eq(best, largest));
  const auto first = hn::MinOfLanes(di, hn::IfThenElse(tied, best_index, hn::Set(di, count)));
  return {hn::GetLane(first), hn::GetLane(largest)};
}

}  // namespace san::head::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace san::head {
HWY_EXPORT(sigmoid_tile);
HWY_EXPORT(column_range);
HWY_EXPORT(class_scores);
HWY_EXPORT(best_of);

void sigmoid_tile(const TileView& view, float* scratch, float* sigma, std::size_t sigma_stride) {
  HWY_DYNAMIC_DISPATCH(sigmoid_tile)(view, scratch, sigma, sigma_stride);
}
void column_range(const float* sigma, int pixels, std::size_t stride, float* lowest, float* highest) {
  HWY_DYNAMIC_DISPATCH(column_range)(sigma, pixels, stride, lowest, highest);
}
void class_scores(std::span<const Segment> segments, int panels, const float* sigma, std::size_t sigma_stride,
                  int pixels, float* scores, std::size_t score_stride) {
  HWY_DYNAMIC_DISPATCH(class_scores)(segments, panels, sigma, sigma_stride, pixels, scores, score_stride);
}
Best best_of(const float* values, int count) {
  return HWY_DYNAMIC_DISPATCH(best_of)(values, count);
}
}  // namespace san::head
#endif
