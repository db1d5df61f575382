#include "backend/native/maps.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "backend/native/hwy_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/native/maps.cpp"
#include <hwy/foreach_target.h>
// foreach_target must come before:
#include <hwy/highway.h>

#include "backend/native/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace san::native::HWY_NAMESPACE {

// out = Σ weight[i] · rows[i]
void blend(const float* const* rows, const float* weights, int taps, float* out, std::int64_t channels) {
  const F d;
  const auto n = static_cast<std::int64_t>(lanes());
  std::int64_t c = 0;
  for (; c + n <= channels; c += n) {
    V sum = hn::Mul(hn::Set(d, weights[0]), hn::LoadU(d, rows[0] + c));
    for (int i = 1; i < taps; ++i) sum = hn::MulAdd(hn::Set(d, weights[i]), hn::LoadU(d, rows[i] + c), sum);
    hn::StoreU(sum, d, out + c);
  }
  for (; c < channels; ++c) {
    float sum = 0;
    for (int i = 0; i < taps; ++i) sum += weights[i] * rows[i][c];
    out[c] = sum;
  }
}

void max_into(const float* x, float* out, std::int64_t count) {
  const F d;
  const auto n = static_cast<std::int64_t>(lanes());
  std::int64_t i = 0;
  for (; i + n <= count; i += n) hn::StoreU(hn::Max(hn::LoadU(d, x + i), hn::LoadU(d, out + i)), d, out + i);
  for (; i < count; ++i) out[i] = std::max(out[i], x[i]);
}

}  // namespace san::native::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace san::native {

HWY_EXPORT(blend);
HWY_EXPORT(max_into);

namespace {

struct Taps {
  std::int64_t index[4];
  float weight[4];
};

// Source positions and weights per target position: align_corners = false, borders repeated (docs/network.md
// §2).
void axis_taps(std::int64_t from, std::int64_t to, const ResizeSpec& spec, std::vector<Taps>& taps) {
  const auto step = static_cast<float>(spec.scale > 0 ? 1 / spec.scale
                                                      : static_cast<double>(from) / static_cast<double>(to));
  const auto clamp = [&](std::int64_t i) { return std::clamp<std::int64_t>(i, 0, from - 1); };
  taps.clear();
  for (std::int64_t i = 0; i < to; ++i) {
    float source = step * (static_cast<float>(i) + 0.5f) - 0.5f;
    if (spec.kernel == Interpolation::kBilinear) {
      source = std::max(source, 0.0f);
      const auto base = static_cast<std::int64_t>(source);
      const float t = source - static_cast<float>(base);
      taps.push_back({{clamp(base), clamp(base + 1), 0, 0}, {1 - t, t, 0, 0}});
      continue;
    }
    constexpr double a = -0.75;
    const float floor = std::floor(source);
    const double t = source - floor;
    const auto base = static_cast<std::int64_t>(floor);
    const auto near = [](double x) { return static_cast<float>(((a + 2) * x - (a + 3)) * x * x + 1); };
    const auto far = [](double x) { return static_cast<float>(((a * x - 5 * a) * x + 8 * a) * x - 4 * a); };
    taps.push_back({{clamp(base - 1), clamp(base), clamp(base + 1), clamp(base + 2)},
                    {far(t + 1), near(t), near(1 - t), far(2 - t)}});
  }
}

using Window = std::pair<std::int64_t, std::int64_t>;
Window window(std::int64_t i, std::int64_t from, std::int64_t to) {
  return {i * from / to, ((i + 1) * from + to - 1) / to};
}
/// Along one axis, in the memory of the calling thread's latest pooling.
const std::vector<Window>& pooled(std::int64_t from, std::int64_t to) {
  thread_local std::vector<Window> windows;
  windows.clear();
  for (std::int64_t i = 0; i < to; ++i) windows.push_back(window(i, from, to));
  return windows;
}

/// Of both axes, in the memory of the calling thread's latest resize.
struct MapTaps {
  std::vector<Taps> vertical, horizontal;
};
const MapTaps& map_taps(const ResizeSpec& spec) {
  thread_local MapTaps taps;
  axis_taps(spec.from.height, spec.to.height, spec, taps.vertical);
  axis_taps(spec.from.width, spec.to.width, spec, taps.horizontal);
  return taps;
}

}  // namespace

void resize_map(const Rows& x, const ResizeSpec& spec, float* out, ThreadPool& pool) {
  const auto run = HWY_DYNAMIC_DISPATCH(blend);
  const MapTaps& axes = map_taps(spec);
  const std::vector<Taps>&vertical = axes.vertical, &horizontal = axes.horizontal;
  const int taps = spec.kernel == Interpolation::kBilinear ? 2 : 4;
  const std::int64_t channels = x.columns, batch = x.count() / spec.from.tokens();
  const std::int64_t row_values = spec.to.width * channels;
  pool.parallel_for(batch * spec.to.height,
                    std::max<std::int64_t>(1, 8192 / std::max<std::int64_t>(1, row_values)),
                    [&](std::int64_t begin, std::int64_t end) {
                      for (std::int64_t i = begin; i < end; ++i) {
                        const Taps& v = vertical[static_cast<std::size_t>(i % spec.to.height)];
                        const std::int64_t item = i / spec.to.height * spec.from.tokens();
                        float* to = out + i * row_values;
                        for (const Taps& h : horizontal) {
                          const float* rows[16];
                          float weights[16];
                          for (int p = 0; p < taps; ++p)
                            for (int q = 0; q < taps; ++q) {
                              rows[p * taps + q] = x.row(item + v.index[p] * spec.from.width + h.index[q]);
                              weights[p * taps + q] = v.weight[p] * h.weight[q];
                            }
                          run(rows, weights, taps * taps, to, channels);
                          to += channels;
                        }
                      }
                    });
}

void adaptive_max_pool_maps(const float* x, std::int64_t maps, Grid from, Grid to, float* out,
                            ThreadPool& pool) {
  const auto run = HWY_DYNAMIC_DISPATCH(max_into);
  const std::vector<Window>& columns = pooled(from.width, to.width);
  const std::int64_t grain = std::max<std::int64_t>(1, 16384 / from.tokens());
  pool.parallel_for(maps, grain, [&](std::int64_t begin, std::int64_t end) {
    float* row = thread_scratch(from.width, 1);
    for (std::int64_t m = begin; m < end; ++m)
      for (std::int64_t r = 0; r < to.height; ++r) {
        const auto [top, bottom] = window(r, from.height, to.height);
        const float* source = x + (m * from.height + top) * from.width;
        std::copy_n(source, from.width, row);
        for (std::int64_t k = top + 1; k < bottom; ++k) run(source += from.width, row, from.width);
        float* target = out + (m * to.height + r) * to.width;
        for (const auto& [left, right] : columns) *target++ = *std::max_element(row + left, row + right);
      }
  });
}

void gather_patches(const float* image, std::int64_t pixel_stride, Grid grid, std::int64_t channels,
                    std::int64_t patch, std::int64_t first, std::int64_t count, float* rows) {
  const std::int64_t across = grid.width / patch;
  for (std::int64_t i = first; i < first + count; ++i) {
    const std::int64_t top = i / across * patch, left = i % across * patch;
    for (std::int64_t y = 0; y < patch; ++y) {
      const float* from = image + ((top + y) * grid.width + left) * pixel_stride;
      if (pixel_stride == channels) {
        rows = std::copy_n(from, patch * channels, rows);
        continue;
      }
      for (std::int64_t x = 0; x < patch; ++x) rows = std::copy_n(from + x * pixel_stride, channels, rows);
    }
  }
}

}  // namespace san::native
#endif
