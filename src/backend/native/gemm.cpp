#include "backend/native/gemm.h"

#include <algorithm>
#include <array>

#include "backend/native/hwy_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/native/gemm.cpp"
#include <hwy/foreach_target.h>
// foreach_target must come before:
#include <hwy/highway.h>

#include "backend/native/tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace san::native::HWY_NAMESPACE {

/// Depth of a block: a panel of it stays in the first-level cache while all rows pass.
constexpr std::int64_t kDepthBlock = 192;
/// Rows × depth of `a` that stay in the second-level cache while all panels pass.
constexpr std::int64_t kSlabFloats = 160 * 1024;

std::int64_t panel_columns_impl() {
  return static_cast<std::int64_t>(lanes()) * kTileVectors;
}

// Activation and residual of a tile that is still in the first-level cache.
void finish_tile(const Gemm& g, float* c, std::int64_t row, std::int64_t rows, std::int64_t column,
                 std::int64_t columns) {
  const F d;
  const auto n = static_cast<std::int64_t>(lanes());
  with_activation(g.activation, [&](auto kind) HWY_ATTR {
    for (std::int64_t r = 0; r < rows; ++r) {
      float* HWY_RESTRICT to = c + r * g.c_stride;
      const float* HWY_RESTRICT plus =
          g.residual ? g.residual + (row + r) * g.residual_stride + column : nullptr;
      std::int64_t i = 0;
      for (; i + n <= columns; i += n) {
        V v = activated<kind()>(hn::LoadU(d, to + i));
        if (plus) v = hn::Add(v, hn::LoadU(d, plus + i));
        hn::StoreU(v, d, to + i);
      }
      if (i < columns) {
        const auto rest = static_cast<std::size_t>(columns - i);
        V v = activated<kind()>(load_part(to + i, rest));
        if (plus) v = hn::Add(v, load_part(plus + i, rest));
        store_part(v, to + i, rest);
      }
    }
  });
}

void copy_tile(const float* from, std::int64_t from_stride, float* to, std::int64_t to_stride,
               std::int64_t rows, std::int64_t columns) {
  for (std::int64_t r = 0; r < rows; ++r) std::copy_n(from + r * from_stride, columns, to + r * to_stride);
}

std::int64_t packed_end(const PackedMatrix& b) {
  const auto n = static_cast<std::int64_t>(lanes());
  return b.depth * ((b.columns + n - 1) / n * n);
}

const float* block_begin(const PackedMatrix& b, std::int64_t panel, std::int64_t depth) {
  const auto n = static_cast<std::int64_t>(lanes());
  const std::int64_t column = panel * b.panel, columns = std::min(b.panel, b.columns - column);
  return b.values.get() + column * b.depth + depth * ((columns + n - 1) / n * n);
}

// Towards the second-level cache.
const float* prefetch(const float* from, const float* end) {
  constexpr std::int64_t kLineFloats = 64 / sizeof(float);
  for (; from < end; from += kLineFloats) __builtin_prefetch(from, 0, 2);
  return from;
}

void gemm_part_impl(const Gemm& g, std::int64_t row_begin, std::int64_t row_end, std::int64_t panel_begin,
                    std::int64_t panel_end) {
  if (row_begin >= row_end) return;
  const PackedMatrix& b = *g.b;
  const auto n = static_cast<std::int64_t>(lanes());
  HWY_ALIGN float edge[kTileRows * kTileVectors * HWY_MAX_BYTES / sizeof(float)];
  HWY_ALIGN float edge_bias[kTileVectors * HWY_MAX_BYTES / sizeof(float)] = {};
  const bool finish = g.activation != Activation::kNone || g.residual;
  const std::int64_t slab = std::max<std::int64_t>(
      kDepthBlock, kSlabFloats / std::max<std::int64_t>(1, row_end - row_begin) / kDepthBlock * kDepthBlock);
  std::int64_t slab_begin = 0;
  do {
    const std::int64_t slab_end = std::min(b.depth, slab_begin + slab);
    for (std::int64_t p = panel_begin; p < panel_end; ++p) {
      const std::int64_t column = p * b.panel, columns = std::min(b.panel, b.columns - column);
      const std::int64_t vectors = (columns + n - 1) / n;
      const bool whole = columns == vectors * n;
      std::int64_t k = slab_begin;
      do {
        const std::int64_t depth = std::min(kDepthBlock, slab_end - k);
        const bool last = k + depth == b.depth;
        Tile t{nullptr, g.a_stride, 1,          block_begin(b, p, k),
               depth,   nullptr,    g.c_stride, g.bias ? g.bias + column : nullptr,
               k > 0};
        if (!whole && g.bias) {
          std::copy_n(t.bias, columns, edge_bias);
          t.bias = edge_bias;
        }
        // The block after this one: all rows pass over it, so the first must not wait for memory.
        const bool same_panel = k + depth < slab_end, same_slab = same_panel || p + 1 < panel_end;
        const std::int64_t next_panel = same_panel ? p : same_slab ? p + 1 : panel_begin;
        const std::int64_t next_depth = same_panel ? k + depth : same_slab ? slab_begin : slab_end;
        const float* ahead = block_begin(b, next_panel, next_depth);
        const float* ahead_end =
            std::min<const float*>(ahead + depth * vectors * n, b.values.get() + packed_end(b));
        const std::int64_t share =
            (depth * vectors * n * kTileRows + row_end - row_begin - 1) / (row_end - row_begin);
        for (std::int64_t row = row_begin; row < row_end; row += kTileRows) {
          const std::int64_t rows = std::min<std::int64_t>(kTileRows, row_end - row);
          t.a = g.a + row * g.a_stride + k;
          ahead = prefetch(ahead, std::min<const float*>(ahead + share, ahead_end));
          float* c = g.c + row * g.c_stride + column;
          if (whole) {
            t.c = c;
            multiply<false>(t, rows, vectors);
          } else {
            // Vectors would reach beyond the last column: through a tile of whole vectors.
            t.c = edge, t.c_stride = vectors * n;
            if (t.accumulate) copy_tile(c, g.c_stride, edge, t.c_stride, rows, columns);
            multiply<false>(t, rows, vectors);
            copy_tile(edge, t.c_stride, c, g.c_stride, rows, columns);
          }
          if (last && finish) finish_tile(g, c, row, rows, column, columns);
        }
        k += depth;
      } while (k < slab_end);
    }
    slab_begin = slab_end;
  } while (slab_begin < b.depth);
}

void pack_matrix_impl(const float* source, std::int64_t row_stride, std::int64_t column_stride,
                      PackedMatrix& packed, std::int64_t panel_begin, std::int64_t panel_end) {
  const auto n = static_cast<std::int64_t>(lanes());
  for (std::int64_t p = panel_begin; p < panel_end; ++p) {
    const std::int64_t column = p * packed.panel, columns = std::min(packed.panel, packed.columns - column);
    const std::int64_t width = (columns + n - 1) / n * n;
    float* to = packed.values.get() + column * packed.depth;
    const float* from = source + column * column_stride;
    // A few depths at a time, so that sources adjacent along depth are read by whole cache lines.
    constexpr std::int64_t kStep = 16;
    for (std::int64_t begin = 0; begin < packed.depth; begin += kStep) {
      const std::int64_t end = std::min(packed.depth, begin + kStep);
      for (std::int64_t c = 0; c < columns; ++c)
        for (std::int64_t k = begin; k < end; ++k)
          to[k * width + c] = from[k * row_stride + c * column_stride];
      for (std::int64_t k = begin; k < end; ++k)
        std::fill(to + k * width + columns, to + (k + 1) * width, 0.0f);
    }
  }
}

}  // namespace san::native::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace san::native {

HWY_EXPORT(panel_columns_impl);
HWY_EXPORT(gemm_part_impl);
HWY_EXPORT(pack_matrix_impl);

std::int64_t panel_columns() {
  return HWY_DYNAMIC_DISPATCH(panel_columns_impl)();
}

std::int64_t packed_floats(std::int64_t depth, std::int64_t columns) {
  const std::int64_t lanes = panel_columns() / 3;
  return depth * ((columns + lanes - 1) / lanes * lanes);
}

PackedMatrix make_packed(std::int64_t depth, std::int64_t columns, BufferPtr values) {
  return {depth, columns, panel_columns(), std::move(values)};
}

void pack_matrix(const float* source, std::int64_t row_stride, std::int64_t column_stride,
                 PackedMatrix& packed, std::int64_t panel_begin, std::int64_t panel_end) {
  HWY_DYNAMIC_DISPATCH(pack_matrix_impl)(source, row_stride, column_stride, packed, panel_begin, panel_end);
}

void gemm_part(const Gemm& g, std::int64_t row_begin, std::int64_t row_end, std::int64_t panel_begin,
               std::int64_t panel_end) {
  HWY_DYNAMIC_DISPATCH(gemm_part_impl)(g, row_begin, row_end, panel_begin, panel_end);
}

void gemm(const Gemm& g, ThreadPool& pool) {
  const std::int64_t panels = g.b->panels();
  if (g.rows == 0 || panels == 0) return;
  // Parts of about 200 rows keep their slice of `a` in the second-level cache; several per thread balance.
  constexpr std::int64_t kPartRows = 208, kMinPartMacs = 1 << 18;
  const std::int64_t row_parts = (g.rows + kPartRows - 1) / kPartRows;
  const std::int64_t part_rows = ((g.rows + row_parts - 1) / row_parts + 7) / 8 * 8;
  const std::int64_t wanted = (4 * pool.size() + row_parts - 1) / row_parts;
  const std::int64_t per_panel = part_rows * g.b->depth * g.b->panel;
  const std::int64_t part_panels = std::max(
      (panels + wanted - 1) / wanted, std::min(panels, kMinPartMacs / std::max<std::int64_t>(1, per_panel)));
  const std::int64_t panel_parts = (panels + part_panels - 1) / part_panels;
  pool.parallel_for(row_parts * panel_parts, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t row = i % row_parts * part_rows, panel = i / row_parts * part_panels;
      gemm_part(g, row, std::min(g.rows, row + part_rows), panel, std::min(panels, panel + part_panels));
    }
  });
}

}  // namespace san::native
#endif
