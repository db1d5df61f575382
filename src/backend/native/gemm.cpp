#include "backend/native/gemm.h"

#include <algorithm>
#include <cstddef>

#include "backend/native/hwy_targets.h"
#include "backend/native/prefetch.h"
#include "tensor/host_array.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/native/gemm.cpp"
#include <hwy/foreach_target.h>
// foreach_target must come before:
#include <hwy/highway.h>

#include "backend/native/matrix_tile-inl.h"
#include "backend/native/transpose-inl.h"

HWY_BEFORE_NAMESPACE();
namespace san::native::HWY_NAMESPACE {

/// Depth of a block: a panel of it stays in the first-level cache, or close to it, while all rows pass.
/// Blocks are equal and up to one and a half times as deep, rather than one more: sums pass through memory
/// for each.
constexpr std::int64_t kDepthBlock = 192;
/// Of a block's first depth; matrix registers take that many at once.
constexpr std::int64_t kDepthStep = 16;
/// Rows × depth of `a` that stay in the second-level cache while all panels pass.
constexpr std::int64_t kSlabFloats = 160 * 1024;

std::int64_t panel_columns_impl() {
  return static_cast<std::int64_t>(lanes()) * kTileVectors;
}

bool converts_halves() {
  return kConvertsHalves;
}

std::int64_t lane_bytes(Lanes of) {
  return of == Lanes::kHalves ? 2 : 4;
}

// c = activation(sums) + residual, of sums that are still in the first-level cache: what writes to c waits
// for its memory, so that it is written once.
void finish_tile(const Gemm& g, const float* sums, std::int64_t sums_stride, float* c, std::int64_t row,
                 std::int64_t rows, std::int64_t column, std::int64_t columns) {
  const F d;
  const auto n = static_cast<std::int64_t>(lanes());
  with_activation(g.activation, [&](auto kind) HWY_ATTR {
    for (std::int64_t r = 0; r < rows; ++r) {
      const float* HWY_RESTRICT from = sums + r * sums_stride;
      float* HWY_RESTRICT to = c + r * g.c_stride;
      const float* HWY_RESTRICT plus =
          g.residual ? g.residual + (row + r) * g.residual_stride + column : nullptr;
      std::int64_t i = 0;
      for (; i + n <= columns; i += n) {
        V v = activated<kind()>(hn::LoadU(d, from + i));
        if (plus) v = hn::Add(v, hn::LoadU(d, plus + i));
        hn::StoreU(v, d, to + i);
      }
      if (i < columns) {
        const auto rest = static_cast<std::size_t>(columns - i);
        V v = activated<kind()>(load_part(from + i, rest));
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

const std::byte* packed_end(const PackedMatrix& b) {
  const auto n = static_cast<std::int64_t>(lanes());
  return reinterpret_cast<const std::byte*>(b.values.get()) +
         b.depth * ((b.columns + n - 1) / n * n) * lane_bytes(b.lanes);
}

const std::byte* block_begin(const PackedMatrix& b, std::int64_t panel, std::int64_t depth) {
  const auto n = static_cast<std::int64_t>(lanes());
  const std::int64_t column = panel * b.panel, columns = std::min(b.panel, b.columns - column);
  return reinterpret_cast<const std::byte*>(b.values.get()) +
         (column * b.depth + depth * ((columns + n - 1) / n * n)) * lane_bytes(b.lanes);
}

std::int64_t depth_blocks(std::int64_t depth) {
  return std::max<std::int64_t>(1, (depth + kDepthBlock / 2) / kDepthBlock);
}

template <class Product>
void gemm_part_of(Product& product, const Gemm& g, std::int64_t row_begin, std::int64_t row_end,
                  std::int64_t panel_begin, std::int64_t panel_end) {
  if (row_begin >= row_end) return;
  const PackedMatrix& b = *g.b;
  const auto n = static_cast<std::int64_t>(lanes());
  HWY_ALIGN float edge_bias[kTileVectors * HWY_MAX_BYTES / sizeof(float)] = {};
  // Sums of a panel between blocks of its depth: rows of c lie far apart, and often in the same sets of a
  // cache.
  float* partial = thread_scratch((row_end - row_begin) * b.panel, 0);
  const bool halves = b.lanes == Lanes::kHalves;
  float* floats = halves ? thread_scratch(kDepthBlock * 3 / 2 * b.panel, 3) : nullptr;
  const bool finish = g.activation != Activation::kNone || g.residual;
  const std::int64_t blocks = depth_blocks(b.depth);
  const auto depth_of = [&](std::int64_t block) {
    return block == blocks ? b.depth : block * b.depth / blocks / kDepthStep * kDepthStep;
  };
  const std::int64_t slab = std::max<std::int64_t>(
      1, kSlabFloats / (row_end - row_begin) * blocks / std::max<std::int64_t>(1, b.depth));
  for (std::int64_t slab_begin = 0; slab_begin < blocks; slab_begin += slab) {
    const std::int64_t slab_end = std::min(blocks, slab_begin + slab);
    for (std::int64_t p = panel_begin; p < panel_end; ++p) {
      const std::int64_t column = p * b.panel, columns = std::min(b.panel, b.columns - column);
      const std::int64_t vectors = (columns + n - 1) / n, width = vectors * n;
      const bool whole = columns == width;
      for (std::int64_t i = slab_begin; i < slab_end; ++i) {
        const std::int64_t k = depth_of(i), depth = depth_of(i + 1) - k;
        const bool begins = i == slab_begin, ends = i + 1 == slab_end;
        const bool finishes = finish && i + 1 == blocks;
        const std::byte* block = block_begin(b, p, k);
        Tile t{nullptr, g.a_stride, 1, halves ? floats : reinterpret_cast<const float*>(block), depth};
        t.halves = block, t.floats = floats;
        t.bias = g.bias ? g.bias + column : nullptr;
        if (!whole && g.bias) {
          std::copy_n(t.bias, columns, edge_bias);
          t.bias = edge_bias;
        }
        // The block after this one: all rows pass over it, so the first must not wait for memory.
        const bool same_slab = !ends || p + 1 < panel_end;
        const std::int64_t next_panel = !ends ? p : same_slab ? p + 1 : panel_begin;
        const std::int64_t next_depth = depth_of(!ends ? i + 1 : same_slab ? slab_begin : slab_end);
        const std::int64_t block_bytes = depth * width * lane_bytes(b.lanes);
        const std::byte* ahead = block_begin(b, next_panel, next_depth);
        const std::byte* ahead_end = std::min(ahead + block_bytes, packed_end(b));
        const std::int64_t share =
            (block_bytes * Product::kRows + row_end - row_begin - 1) / (row_end - row_begin);
        for (std::int64_t row = row_begin; row < row_end; row += Product::kRows) {
          const std::int64_t rows = std::min<std::int64_t>(Product::kRows, row_end - row);
          t.a = g.a + row * g.a_stride + k;
          ahead = prefetch(ahead, std::min(ahead + share, ahead_end));
          float* c = g.c + row * g.c_stride + column;
          float* own = partial + (row - row_begin) * width;
          // Vectors would reach beyond the last column of c.
          const bool from_c = begins && whole, to_c = ends && whole && !finishes;
          if (begins && k > 0 && !whole) copy_tile(c, g.c_stride, own, width, rows, columns);
          t.sums = k == 0 ? nullptr : from_c ? c : own, t.sums_stride = from_c ? g.c_stride : width;
          t.c = to_c ? c : own, t.c_stride = to_c ? g.c_stride : width;
          if (ends) prefetch_rows<true>(c, g.c_stride, rows, columns);
          if (finishes && g.residual)
            prefetch_rows<false>(g.residual + row * g.residual_stride + column, g.residual_stride, rows,
                                 columns);
          if (halves && row == row_begin)
            multiply_halves(t, rows, vectors);
          else
            multiply<false>(product, t, rows, vectors);
          if (finishes)
            finish_tile(g, own, width, c, row, rows, column, columns);
          else if (ends && !whole)
            copy_tile(own, width, c, g.c_stride, rows, columns);
        }
      }
    }
  }
}

void gemm_part_impl(const Gemm& g, std::int64_t row_begin, std::int64_t row_end, std::int64_t panel_begin,
                    std::int64_t panel_end) {
  const auto run = [&](auto& product)
                       HWY_ATTR { gemm_part_of(product, g, row_begin, row_end, panel_begin, panel_end); };
  if (g.b->lanes == Lanes::kBf16Pairs) return with_bf16(g.b->form, run);
  Floats floats;
  run(floats);
}

// `write(from, begin, end, columns, to, width)` writes depths [begin, end) of the panel that begins at
// `from`.
template <class Lane, class Source, class Write>
void pack_blocks(const Source* source, std::int64_t column_stride, PackedMatrix& packed,
                 std::int64_t panel_begin, std::int64_t panel_end, const Write& write) {
  const auto n = static_cast<std::int64_t>(lanes());
  for (std::int64_t p = panel_begin; p < panel_end; ++p) {
    const std::int64_t column = p * packed.panel, columns = std::min(packed.panel, packed.columns - column);
    const std::int64_t width = (columns + n - 1) / n * n;
    Lane* to = reinterpret_cast<Lane*>(packed.values.get()) + column * packed.depth;
    const Source* from = source + (p - panel_begin) * packed.panel * column_stride;
    // A few depths at a time, so that sources adjacent along depth are read by whole cache lines.
    constexpr std::int64_t kStep = 16;
    for (std::int64_t begin = 0; begin < packed.depth; begin += kStep) {
      const std::int64_t end = std::min(packed.depth, begin + kStep);
      write(from, begin, end, columns, to + begin * width, width);
      for (std::int64_t k = begin; k < end; ++k)
        std::fill(to + k * width + columns, to + (k + 1) * width, Lane(0));
    }
  }
}

// `value(from, depth, column)`: a lane of the panel that begins at `from`.
template <class Lane, class Source, class Value>
void pack_panels(const Source* source, std::int64_t column_stride, PackedMatrix& packed,
                 std::int64_t panel_begin, std::int64_t panel_end, const Value& value) {
  pack_blocks<Lane>(source, column_stride, packed, panel_begin, panel_end,
                    [&](const Source* from, std::int64_t begin, std::int64_t end, std::int64_t columns,
                        Lane* to, std::int64_t width) {
                      for (std::int64_t c = 0; c < columns; ++c)
                        for (std::int64_t k = begin; k < end; ++k)
                          to[(k - begin) * width + c] = value(from, k, c);
                    });
}

void pack_floats(const float* source, std::int64_t row_stride, std::int64_t column_stride,
                 PackedMatrix& packed, std::int64_t panel_begin, std::int64_t panel_end) {
  if (row_stride == 1)
    return pack_blocks<float>(source, column_stride, packed, panel_begin, panel_end,
                              [&](const float* from, std::int64_t begin, std::int64_t end,
                                  std::int64_t columns, float* to, std::int64_t width) HWY_ATTR {
                                transpose<Put::kAsItIs>(from + begin, column_stride, columns, end - begin, 1,
                                                        to, width);
                              });
  pack_panels<float>(source, column_stride, packed, panel_begin, panel_end,
                     [&](const float* from, std::int64_t k, std::int64_t c) {
                       return from[k * row_stride + c * column_stride];
                     });
}

void pack_halves(const std::uint16_t* source, std::int64_t row_stride, std::int64_t column_stride,
                 PackedMatrix& packed, std::int64_t panel_begin, std::int64_t panel_end) {
  pack_panels<std::uint16_t>(source, column_stride, packed, panel_begin, panel_end,
                             [&](const std::uint16_t* from, std::int64_t k, std::int64_t c) {
                               return from[k * row_stride + c * column_stride];
                             });
}

void pack_bf16(const float* source, std::int64_t depth, std::int64_t row_stride, std::int64_t column_stride,
               PackedMatrix& packed, std::int64_t panel_begin, std::int64_t panel_end) {
  pack_panels<std::uint32_t>(source, column_stride, packed, panel_begin, panel_end,
                             [&](const float* from, std::int64_t k, std::int64_t c) {
                               const float* pair = from + 2 * k * row_stride + c * column_stride;
                               const float second = 2 * k + 1 < depth ? pair[row_stride] : 0.0f;
                               return float_to_bfloat16(*pair) |
                                      static_cast<std::uint32_t>(float_to_bfloat16(second)) << 16;
                             });
}

}  // namespace san::native::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace san::native {

HWY_EXPORT(panel_columns_impl);
HWY_EXPORT(converts_halves);
HWY_EXPORT(gemm_part_impl);
HWY_EXPORT(pack_floats);
HWY_EXPORT(pack_halves);
HWY_EXPORT(pack_bf16);

std::int64_t panel_columns() {
  return HWY_DYNAMIC_DISPATCH(panel_columns_impl)();
}

bool halves_are_cheap() {
  return HWY_DYNAMIC_DISPATCH(converts_halves)();
}

std::int64_t packed_floats(std::int64_t depth, std::int64_t columns, Lanes lanes) {
  const std::int64_t vector = panel_columns() / 3, width = (columns + vector - 1) / vector * vector;
  return lanes == Lanes::kFloats ? depth * width : (depth + 1) / 2 * width;
}

PackedMatrix make_packed(std::int64_t depth, std::int64_t columns, BufferPtr values, Lanes lanes) {
  const bool pairs = lanes == Lanes::kBf16Pairs;
  return {pairs ? row_pairs(depth) : depth,
          columns,
          panel_columns(),
          lanes,
          std::move(values),
          pairs ? bf16_forms().front() : Bf16Form::kFloats};
}

void pack_matrix(const float* source, std::int64_t row_stride, std::int64_t column_stride,
                 PackedMatrix& packed, std::int64_t panel_begin, std::int64_t panel_end) {
  HWY_DYNAMIC_DISPATCH(pack_floats)(source, row_stride, column_stride, packed, panel_begin, panel_end);
}

void pack_matrix(const std::uint16_t* source, std::int64_t row_stride, std::int64_t column_stride,
                 PackedMatrix& packed, std::int64_t panel_begin, std::int64_t panel_end) {
  HWY_DYNAMIC_DISPATCH(pack_halves)(source, row_stride, column_stride, packed, panel_begin, panel_end);
}

void pack_matrix_bf16(const float* source, std::int64_t depth, std::int64_t row_stride,
                      std::int64_t column_stride, PackedMatrix& packed, std::int64_t panel_begin,
                      std::int64_t panel_end) {
  HWY_DYNAMIC_DISPATCH(pack_bf16)(source, depth, row_stride, column_stride, packed, panel_begin, panel_end);
}

void gemm_part(const Gemm& g, std::int64_t row_begin, std::int64_t row_end, std::int64_t panel_begin,
               std::int64_t panel_end) {
  HWY_DYNAMIC_DISPATCH(gemm_part_impl)(g, row_begin, row_end, panel_begin, panel_end);
}

std::int64_t tile_rows(Lanes lanes) {
  return lanes == Lanes::kBf16Pairs ? kMostTileRows : 8;
}

void for_each_part(std::int64_t rows, std::int64_t step, std::int64_t most_rows, std::int64_t panels,
                   std::int64_t macs_of_row_and_panel, ThreadPool& pool,
                   const std::function<void(std::int64_t, std::int64_t, std::int64_t, std::int64_t)>& body) {
  if (rows == 0 || panels == 0) return;
  constexpr std::int64_t kMinPartMacs = 1 << 18;
  const std::int64_t steps = (rows + step - 1) / step, row_parts = (rows + most_rows - 1) / most_rows;
  const auto row_of = [&](std::int64_t part) { return std::min(rows, part * steps / row_parts * step); };
  const std::int64_t macs = std::max<std::int64_t>(1, rows / row_parts * macs_of_row_and_panel);
  const std::int64_t least = std::min(panels, (kMinPartMacs + macs - 1) / macs);
  const std::int64_t most = std::clamp(row_parts * panels / (4 * pool.size()), least, panels);
  // All panels of some rows after one another: a thread keeps its rows, as in the loops before and after.
  pool.parallel_for_tapering(row_parts * panels, most, least, [&](std::int64_t begin, std::int64_t end) {
    while (begin < end) {
      const std::int64_t part = begin / panels, panel = begin % panels;
      const std::int64_t panel_end = std::min(panels, panel + end - begin);
      const std::int64_t row = row_of(part), row_end = row_of(part + 1);
      if (row < row_end) body(row, row_end, panel, panel_end);
      begin += panel_end - panel;
    }
  });
}

void gemm(const Gemm& g, ThreadPool& pool) {
  // Parts of about 200 rows keep their slice of `a` in the second-level cache.
  constexpr std::int64_t kPartRows = 208;
  for_each_part(g.rows, tile_rows(g.b->lanes), kPartRows, g.b->panels(), g.b->depth * g.b->panel, pool,
                [&](std::int64_t row, std::int64_t row_end, std::int64_t panel, std::int64_t panel_end) {
                  gemm_part(g, row, row_end, panel, panel_end);
                });
}

}  // namespace san::native
#endif
