#pragma once
#include "backend/native/view.h"
#include "backend/types.h"
#include "base/thread_pool.h"

namespace san::native {

/// x: one group of rows per batch item, a row per source cell; out dense.
void resize_map(const Rows& x, const ResizeSpec& spec, float* out, ThreadPool& pool);
struct Pooling {
  Grid from, to;
};
/// `maps` dense maps, x and out dense.
void adaptive_max_pool_maps(const float* x, std::int64_t maps, Grid from, Grid to, float* out,
                            ThreadPool& pool);
/// Patches [first, first + count) of one image as rows [patch · patch · channels]; a row of pixels per token.
void gather_patches(const float* image, std::int64_t pixel_stride, Grid grid, std::int64_t channels,
                    std::int64_t patch, std::int64_t first, std::int64_t count, float* rows);

}  // namespace san::native
