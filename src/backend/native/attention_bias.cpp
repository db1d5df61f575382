// scale · q · (W h + c) + shift = (scale · q W) · h + (scale · q · c + shift): folding the last layer into
// the queries replaces its product with every token by one with every query.
#include <algorithm>

#include "backend/native/native_backend_impl.h"

namespace san::native {

std::shared_ptr<Storage> NativeBackend::do_prepare_grouped_linear(const Param& weight, const Param* bias,
                                                                  int groups) {
  const std::int64_t in = weight.shape()[1], channels = weight.shape()[0] / groups;
  const std::vector<float> values = weight.f32(), constants = bias ? bias->f32() : std::vector<float>();
  auto packed = std::make_shared<PackedGroups>();
  std::vector<float> rows(static_cast<std::size_t>(channels * (in + 1)));
  for (int g = 0; g < groups; ++g) {
    for (std::int64_t e = 0; e < channels; ++e) {
      const std::int64_t row = g * channels + e;
      float* to = std::copy_n(values.data() + row * in, in, rows.data() + e * (in + 1));
      *to = bias ? constants[static_cast<std::size_t>(row)] : 0.0f;
    }
    packed->matrices.push_back(
        pack(rows.data(), in + 1, 1, channels, in + 1, buffers_->acquire(packed_floats(channels, in + 1))));
  }
  return packed;
}

std::int64_t NativeBackend::attention_bias_macs(std::int64_t batch, std::int64_t q, std::int64_t t,
                                                std::int64_t m, std::int64_t e, std::int64_t groups) const {
  return batch * groups * q * (m + 1) * (e + t);
}

Tensor NativeBackend::do_attention_bias(const Tensor& queries, const Tensor& hidden,
                                        const GroupedLinearWeight& last, const BiasScaling& scaling) {
  return biases(queries, hidden, last, scaling, nullptr);
}

Tensor NativeBackend::do_pooled_attention_bias(const Tensor& queries, const Tensor& hidden,
                                               const GroupedLinearWeight& last, const BiasScaling& scaling,
                                               Grid from, Grid to) {
  const Pooling pooling{from, to};
  return biases(queries, hidden, last, scaling, &pooling);
}

Tensor NativeBackend::biases(const Tensor& queries, const Tensor& hidden, const GroupedLinearWeight& last,
                             const BiasScaling& scaling, const Pooling* pooling) {
  /// What is to be pooled stays in the second-level cache between the product and the pooling.
  constexpr std::int64_t kMapFloats = 256 * 1024;
  const std::int64_t batch = queries[0], q = queries[1], e = queries[2], t = hidden[1], m = hidden[2],
                     groups = last.groups, cells = pooling ? pooling->to.tokens() : t,
                     at_once = pooling ? std::clamp<std::int64_t>(kMapFloats / (q * t), 1, groups) : groups;
  const std::vector<PackedMatrix>& layer = static_cast<const PackedGroups&>(*last.data).matrices;
  const float scale = scaling.scale ? *data(scaling.scale) : 1.0f;
  const float shift = scaling.shift ? *data(scaling.shift) : 0.0f;
  const Tensor left = with_dense(queries);
  const View tokens = view(hidden);
  const Tensor out = make({batch, groups, q, cells}), folded = make({groups * q, m + 1});
  const BufferPtr memory = buffers_->acquire(packed_floats(m, t)),
                  maps = pooling ? buffers_->acquire(at_once * q * t) : nullptr;
  for (std::int64_t b = 0; b < batch; ++b) {
    pool_->parallel_for(groups, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t g = begin; g < end; ++g) {
        Gemm fold;
        fold.a = data(left) + b * q * e, fold.a_stride = e, fold.rows = q;
        fold.b = &layer[static_cast<std::size_t>(g)];
        fold.c = data(folded) + g * q * (m + 1), fold.c_stride = m + 1;
        gemm_part(fold, 0, q, 0, fold.b->panels());
        for (std::int64_t i = 0; i < q * (m + 1); ++i) fold.c[i] *= scale;
      }
    });
    const PackedMatrix keys =
        pack(tokens.data + b * tokens.stride(0), tokens.stride(2), tokens.stride(1), m, t, memory);
    float* const result = data(out) + b * groups * q * cells;
    for (std::int64_t first = 0; first < groups; first += at_once) {
      const std::int64_t rows = std::min(at_once, groups - first) * q;
      Gemm g;
      g.a = data(folded) + first * q * (m + 1), g.a_stride = m + 1, g.rows = rows;
      g.b = &keys;
      g.c = pooling ? maps.get() : result, g.c_stride = t;
      gemm(g, *pool_);
      if (pooling)
        adaptive_max_pool_maps(g.c, rows, pooling->from, pooling->to, result + first * q * cells, *pool_);
    }
    // What does not depend on the token is added after the product, as its one column per query; and after
    // the largest is found, which it cannot change.
    pool_->parallel_for(groups * q, 16, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const float plus = data(folded)[i * (m + 1) + m] + shift;
        for (std::int64_t j = 0; j < cells; ++j) result[i * cells + j] += plus;
      }
    });
  }
  return out;
}

}  // namespace san::native
