// Ops on rows, maps and prepared weights, and the composites.
#include <algorithm>
#include <array>

#include "backend/native/attention.h"
#include "backend/native/bf16.h"
#include "backend/native/maps.h"
#include "backend/native/native_backend_impl.h"
#include "backend/native/tree_attention.h"
#include "base/error.h"

namespace san::native {
namespace {

const PackedLinear& packed(const LinearWeight& w) {
  return static_cast<const PackedLinear&>(*w.data);
}

// What a linear layer is told beside its input, a row's distance in floats.
struct Ends {
  Activation activation = Activation::kNone;
  const float* residual = nullptr;
  std::int64_t residual_stride = 0;
};

// c may have its own strides.
GemmEnds ends_of(const PackedLinear& w, float* c, std::int64_t c_stride, const Ends& ends) {
  return {c, c_stride, w.bias.get(), ends.activation, ends.residual, ends.residual_stride};
}

Gemm product(const float* a, std::int64_t a_stride, std::int64_t rows, const PackedLinear& w, float* c,
             std::int64_t c_stride, const Ends& ends = {}) {
  return {ends_of(w, c, c_stride, ends), a, a_stride, rows, &w.matrix};
}

Int8Gemm int8_product(const Int8Activations& x, std::int64_t rows, const PackedLinear& w, float* c,
                      std::int64_t c_stride, const Ends& ends) {
  return {ends_of(w, c, c_stride, ends), x, rows, &*w.int8};
}

// All of one group of rows on this thread.
void multiply_here(const Rows& x, const PackedLinear& w, float* c, std::int64_t c_stride, const Ends& ends) {
  if (!w.int8) {
    const float* a = x.data;
    std::int64_t stride = x.row_stride;
    if (w.matrix.lanes == Lanes::kBf16Pairs) {
      stride = w.matrix.depth;
      float* pairs = thread_scratch(x.rows * stride, 2);
      round_to_bf16(x.data, x.row_stride, x.columns, pairs, 0, x.rows);
      a = pairs;
    }
    return gemm_part(product(a, stride, x.rows, w, c, c_stride, ends), 0, x.rows, 0, w.matrix.panels());
  }
  const Int8Form form = w.int8->form;
  float* memory = thread_scratch(int8_activation_floats(x.rows, x.columns, form), 2);
  const Int8Activations a = int8_activations(memory, x.rows, x.columns, form);
  quantize_activations(x.data, x.row_stride, x.columns, form, a, 0, x.rows);
  int8_gemm_part(int8_product(a, x.rows, w, c, c_stride, ends), 0, x.rows, 0, w.int8->panels());
}

// The same on all threads.
void multiply(const Rows& x, std::int64_t group, const PackedLinear& w, float* c, std::int64_t c_stride,
              const Ends& ends, BufferPool& buffers, ThreadPool& pool) {
  const float* from = x.data + group * x.outer_stride;
  if (!w.int8 && w.matrix.lanes != Lanes::kBf16Pairs)
    return gemm(product(from, x.row_stride, x.rows, w, c, c_stride, ends), pool);
  if (!w.int8) {
    const std::int64_t stride = w.matrix.depth;
    const BufferPtr pairs = buffers.acquire(x.rows * stride);
    pool.parallel_for(x.rows, 8, [&](std::int64_t begin, std::int64_t end) {
      round_to_bf16(from, x.row_stride, x.columns, pairs.get(), begin, end);
    });
    return gemm(product(pairs.get(), stride, x.rows, w, c, c_stride, ends), pool);
  }
  const Int8Form form = w.int8->form;
  const BufferPtr memory = buffers.acquire(int8_activation_floats(x.rows, x.columns, form));
  const Int8Activations a = int8_activations(memory.get(), x.rows, x.columns, form);
  pool.parallel_for(x.rows, 8, [&](std::int64_t begin, std::int64_t end) {
    quantize_activations(from, x.row_stride, x.columns, form, a, begin, end);
  });
  int8_gemm(int8_product(a, x.rows, w, c, c_stride, ends), pool);
}

}  // namespace

Tensor NativeBackend::do_softmax(const Tensor& x) {
  const Tensor rows = with_rows(x), y = make(x.shape());
  softmax_rows(*as_rows(view(rows)), data(y), *pool_);
  return y;
}

Tensor NativeBackend::do_l2_normalize(const Tensor& x) {
  const Tensor rows = with_rows(x), y = make(x.shape());
  l2_normalize_rows(*as_rows(view(rows)), data(y), *pool_);
  return y;
}

Tensor NativeBackend::do_layer_norm(const Tensor& x, const NormWeight& w) {
  const auto& norm = static_cast<const PackedNorm&>(*w.data);
  const Tensor rows = with_rows(x), y = make(x.shape());
  layer_norm_rows(
      {*as_rows(view(rows)), nullptr, nullptr, norm.weight.get(), norm.bias.get(), norm.eps, data(y)},
      *pool_);
  return y;
}

Normed NativeBackend::do_add_layer_norm(const Tensor& x, const Tensor& y, const NormWeight& w) {
  const auto& norm = static_cast<const PackedNorm&>(*w.data);
  const Tensor a = with_rows(x);
  View other = broadcast_view(view(y), x.shape());
  Tensor copy;
  if (!as_rows(other)) {
    copy = dense_copy(do_broadcast(y, x.shape()));
    other = view(copy);
  }
  const Rows addend = *as_rows(other);
  const Normed result{make(x.shape()), make(x.shape())};
  layer_norm_rows({*as_rows(view(a)), &addend, data(result.sum), norm.weight.get(), norm.bias.get(), norm.eps,
                   data(result.normed)},
                  *pool_);
  return result;
}

Tensor NativeBackend::do_matmul(const Tensor& a, const Tensor& b, bool transpose_b, const Shape& out) {
  Tensor left = a;
  if (a[-1] > 1 && view(a).stride(-1) != 1) left = dense_copy(a);
  Shape batch = out;
  batch.set(-1, 1), batch.set(-2, 1);
  Shape left_shape = batch, right_shape = batch;
  for (const int axis : {-1, -2}) left_shape.set(axis, a[axis]), right_shape.set(axis, b[axis]);
  const View l = broadcast_view(view(left), left_shape), r = broadcast_view(view(b), right_shape);
  const std::int64_t depth = a[-1], columns = out[-1], items = batch.elements();
  const Tensor y = make(out);
  const BufferPtr memory = buffers_->acquire(packed_floats(depth, columns));
  PackedMatrix matrix;
  const float* packed_from = nullptr;
  for (std::int64_t i = 0; i < items; ++i) {
    const float *x = l.data, *w = r.data;
    std::int64_t rest = i;
    for (int axis = batch.rank() - 3; axis >= 0; --axis) {
      x += rest % batch[axis] * l.stride(axis);
      w += rest % batch[axis] * r.stride(axis);
      rest /= batch[axis];
    }
    if (w != packed_from)
      matrix =
          pack(w, r.stride(transpose_b ? -1 : -2), r.stride(transpose_b ? -2 : -1), depth, columns, memory);
    packed_from = w;
    Gemm g;
    g.a = x, g.a_stride = l.stride(-2), g.rows = out[-2];
    g.b = &matrix;
    g.c = data(y) + i * out[-2] * columns, g.c_stride = columns;
    gemm(g, *pool_);
  }
  return y;
}

Tensor NativeBackend::do_resize(const Tensor& x, const ResizeSpec& spec, const Shape& out) {
  const Tensor rows = with_rows(x), y = make(out);
  resize_map(*as_rows(view(rows)), spec, data(y), *pool_);
  return y;
}

Tensor NativeBackend::do_adaptive_max_pool(const Tensor& x, Grid from, Grid to, const Shape& out) {
  const Tensor maps = with_dense(x), y = make(out);
  adaptive_max_pool_maps(data(maps), x.shape().elements() / from.tokens(), from, to, data(y), *pool_);
  return y;
}

Tensor NativeBackend::do_embedding(const TableWeight& table, const Tensor& ids, const Shape& out) {
  const auto* source = dynamic_cast<const IdStorage*>(ids.storage().get());
  require(source != nullptr, "embedding ({}): expected ids made by from_ids", table.name);
  const HostArray& values = static_cast<const PackedTable&>(*table.data).values;
  const std::int64_t row_bytes = table.width * dtype_bytes(values.dtype);
  const Tensor y = make(out);
  float* to = data(y);
  for (const std::int32_t id : source->ids) {
    require(id >= 0 && id < table.rows, "embedding ({}): id {} is not below {}", table.name, id, table.rows);
    const HostArray row{values.dtype, {table.width}, {values.data, values.data.get() + id * row_bytes}};
    to = std::ranges::copy(row.to_f32(), to).out;
  }
  return y;
}

Tensor NativeBackend::do_linear(const Tensor& x, const LinearWeight& w, const LinearOptions& options,
                                const Shape& out) {
  const PackedLinear& weight = packed(w);
  const Tensor rows = with_rows(x), y = make(out);
  const Rows a = *as_rows(view(rows));
  const Tensor residual = options.residual ? with_rows(options.residual) : Tensor();
  const std::optional<Rows> plus = residual ? as_rows(view(residual)) : std::nullopt;
  // Groups of the residual may differ from those of x: then both go through dense rows.
  if (plus && plus->outer != a.outer && (plus->outer > 1 || a.outer > 1))
    return do_linear(with_dense(x), w, {options.activation, with_dense(options.residual)}, out);
  for (std::int64_t i = 0; i < a.outer; ++i) {
    Ends ends{options.activation};
    if (plus) ends.residual = plus->data + i * plus->outer_stride, ends.residual_stride = plus->row_stride;
    multiply(a, i, weight, data(y) + i * a.rows * w.out, w.out, ends, *buffers_, *pool_);
  }
  return y;
}

Tensor NativeBackend::do_patch_embed(const Tensor& image, Grid grid, const PatchWeight& w, const Shape& out) {
  const auto& weight = static_cast<const PackedLinear&>(*w.data);
  const Tensor pixels = with_rows(image);
  const Tensor source = as_rows(view(pixels))->outer == 1 && image[0] > 1 ? with_dense(image) : pixels;
  const View v = view(source);
  const Tensor y = make(out);
  const std::int64_t patches = out[1], depth = weight.matrix.depth;
  constexpr std::int64_t kPart = 64;
  const std::int64_t parts = (patches + kPart - 1) / kPart;
  pool_->parallel_for(image[0] * parts, 1, [&](std::int64_t begin, std::int64_t end) {
    float* rows = thread_scratch(kPart * depth, 1);
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t item = i / parts, first = i % parts * kPart,
                         count = std::min(kPart, patches - first);
      gather_patches(v.data + item * v.stride(0), v.stride(1), grid, w.in, w.patch, first, count, rows);
      const Gemm g = product(rows, depth, count, weight, data(y) + (item * patches + first) * w.out, w.out);
      gemm_part(g, 0, count, 0, weight.matrix.panels());
    }
  });
  return y;
}

Tensor NativeBackend::do_mlp(const Tensor& x, const LinearWeight& fc1, Activation activation,
                             const LinearWeight& fc2, const Tensor& residual) {
  // Large weights would be fetched anew for every block of rows: only small ones gain.
  constexpr std::int64_t kFusedWeights = 1 << 20, kHiddenFloats = 128 * 1024, kLeastRows = 32;
  if (fc1.in * fc1.out + fc2.in * fc2.out > kFusedWeights)
    return Backend::do_mlp(x, fc1, activation, fc2, residual);
  const PackedLinear &first = packed(fc1), &second = packed(fc2);
  Shape out = x.shape();
  out.set(-1, fc2.out);
  const Tensor source = with_rows(x), y = make(out), plus = residual ? with_rows(residual) : Tensor();
  const Rows a = *as_rows(view(source));
  const std::optional<Rows> addend = plus ? as_rows(view(plus)) : std::nullopt;
  if (a.outer > 1 || (addend && addend->outer > 1))
    return do_mlp(with_dense(x), fc1, activation, fc2, residual ? with_dense(residual) : Tensor());
  const std::int64_t most = std::clamp<std::int64_t>(kHiddenFloats / fc1.out / 8 * 8, 8, 128);
  const std::int64_t tile = first.int8 ? kMostTileRows : tile_rows(first.matrix.lanes);
  const std::int64_t tiles = (a.rows + tile - 1) / tile, threads = pool_->size();
  // A few rows more are better than a part of a few; as many parts for every thread.
  const std::int64_t fit = std::max<std::int64_t>(1, (a.rows + most + tile - 1) / (most + tile));
  const std::int64_t parts = (fit + threads - 1) / threads * threads, part = (tiles + parts - 1) / parts;
  // Below this weights are fetched too often.
  const std::int64_t least = std::min(part, kLeastRows / tile);
  pool_->parallel_for_tapering(tiles, part, least, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t row = begin * tile, rows = std::min(a.rows, end * tile) - row;
    float* hidden = thread_scratch(rows * fc1.out, 1);
    multiply_here({a.data + row * a.row_stride, 1, rows, a.columns, 0, a.row_stride}, first, hidden, fc1.out,
                  {activation});
    Ends ends;
    if (addend)
      ends.residual = addend->data + row * addend->row_stride, ends.residual_stride = addend->row_stride;
    multiply_here({hidden, 1, rows, fc1.out, 0, fc1.out}, second, data(y) + row * fc2.out, fc2.out, ends);
  });
  return y;
}

Tensor NativeBackend::do_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                                   const AttentionOptions& o) {
  std::array<Tensor, 5> kept;
  std::size_t given = 0;
  const auto heads = [&](const Tensor& x) -> Heads {
    if (!x) return {};
    const Tensor& own = kept[given++] = x[-1] > 1 && view(x).stride(-1) != 1 ? dense_copy(x) : x;
    const View s = view(own);
    return {s.data, s.stride(0), s.stride(1)};
  };
  const Tensor y = make(q.shape());
  Attention a;
  a.batch = q[0], a.heads = o.heads, a.width = q[2] / o.heads, a.queries = q[1], a.keys = k[1];
  a.q = heads(q), a.k = heads(k), a.v = heads(v);
  a.self_key = heads(o.self_key), a.self_value = heads(o.self_value);
  a.causal = o.causal;
  // What is causal is the text tower's, whose answers are the same for every precision.
  if (!o.causal) a.bf16 = bf16_attention_;
  if (!o.causal && !o.bias && !o.self_key) a.integers = integer_attention_;
  if (o.bias) {
    const View bias = broadcast_view(view(o.bias), {a.batch, a.heads, a.queries, a.keys});
    a.bias = bias.data;
    a.bias_batch = bias.stride(0), a.bias_head = bias.stride(1);
    a.bias_query = bias.stride(2), a.bias_key = bias.stride(3);
  }
  a.out = data(y);
  fused_attention(a, *buffers_, *pool_);
  return y;
}

Tensor NativeBackend::do_tree_attention(const Tensor& q, const Tensor& k, const Tensor& v, int heads,
                                        const TokenTree& tree, std::span<const std::int32_t> asking) {
  const Tensor rows[] = {with_rows(q), with_rows(k), with_rows(v)}, y = make(q.shape());
  const auto rows_of = [](const Tensor& x) -> Heads {
    const View s = view(x);
    return {s.data, 0, s.stride(1)};
  };
  TreeAttention a;
  a.heads = heads, a.width = q[2] / heads;
  a.q = rows_of(rows[0]), a.k = rows_of(rows[1]), a.v = rows_of(rows[2]);
  a.parents = tree.parents, a.asking = asking;
  a.out = data(y);
  fused_tree_attention(a, *pool_);
  return y;
}

}  // namespace san::native
