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
        pack(rows.data(), in + 1, 1, channels, in + 1, allocate_floats(packed_floats(channels, in + 1))));
  }
  return packed;
}

std::int64_t NativeBackend::attention_bias_macs(std::int64_t batch, std::int64_t q, std::int64_t t,
                                                std::int64_t m, std::int64_t e, std::int64_t groups) const {
  return batch * groups * q * (m + 1) * (e + t);
}

Tensor NativeBackend::do_attention_bias(const Tensor& queries, const Tensor& hidden,
                                        const GroupedLinearWeight& last, const BiasScaling& scaling) {
  const std::int64_t batch = queries[0], q = queries[1], e = queries[2], t = hidden[1], m = hidden[2],
                     groups = last.groups;
  const std::vector<PackedMatrix>& layer = static_cast<const PackedGroups&>(*last.data).matrices;
  const float scale = scaling.scale ? *data(scaling.scale) : 1.0f;
  const float shift = scaling.shift ? *data(scaling.shift) : 0.0f;
  const Tensor left = with_dense(queries);
  const View tokens = view(hidden);
  const Tensor out = make({batch, groups, q, t}), folded = make({groups * q, m + 1});
  const BufferPtr memory = buffers_->acquire(packed_floats(m, t));
  // What does not depend on the token is added after the product, as its one column per query.
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
    Gemm g;
    g.a = data(folded), g.a_stride = m + 1, g.rows = groups * q;
    g.b = &keys;
    g.c = data(out) + b * groups * q * t, g.c_stride = t;
    gemm(g, *pool_);
    const View constants{data(folded) + m, {groups * q, 1}, {m + 1, 1}};
    const View part{g.c, {groups * q, t}, {t, 1}};
    pool_->parallel_for(groups * q, 16, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const float plus = constants.data[i * (m + 1)] + shift;
        for (std::int64_t j = 0; j < t; ++j) part.data[i * t + j] += plus;
      }
    });
  }
  return out;
}

}  // namespace san::native
