// scale · q · (W h + c) + shift = (scale · q W) · h + (scale · q · c + shift): folding the last layer into
// the queries replaces its product with every token by one with every query.
#include <algorithm>

#include "backend/native/session.h"

namespace san::native {

const std::vector<PackedMatrix>& PackedLinear::transposed_groups(int groups) const {
  const std::lock_guard lock(mutex_);
  if (static_cast<int>(transposed_.size()) == groups) return transposed_;
  transposed_.clear();
  const std::int64_t in = matrix.depth, channels = matrix.columns / groups, lanes = matrix.panel / 3;
  std::vector<float> rows(static_cast<std::size_t>(channels * (in + 1)));
  for (int g = 0; g < groups; ++g) {
    for (std::int64_t e = 0; e < channels; ++e) {
      const std::int64_t column = g * channels + e, first = column / matrix.panel * matrix.panel;
      const std::int64_t width = std::min(matrix.panel, (matrix.columns - first + lanes - 1) / lanes * lanes);
      const float* from = matrix.values.get() + first * in + (column - first);
      float* to = rows.data() + e * (in + 1);
      for (std::int64_t k = 0; k < in; ++k) to[k] = from[k * width];
      to[in] = bias ? bias[column] : 0.0f;
    }
    PackedMatrix packed = make_packed(channels, in + 1, allocate_floats(packed_floats(channels, in + 1)));
    pack_matrix(rows.data(), in + 1, 1, packed, 0, packed.panels());
    transposed_.push_back(std::move(packed));
  }
  return transposed_;
}

std::int64_t Session::attention_bias_macs(std::int64_t batch, std::int64_t q, std::int64_t t, std::int64_t m,
                                          std::int64_t e, std::int64_t groups) const {
  return batch * groups * q * (m + 1) * (e + t);
}

Tensor Session::do_attention_bias(const Tensor& queries, const Tensor& hidden, const LinearWeight& last,
                                  const BiasScaling& scaling, int groups) {
  if (tapped()) tap("decoder_attn_mlp_out", linear(hidden, last));
  const std::int64_t batch = queries[0], q = queries[1], e = queries[2], t = hidden[1], m = hidden[2];
  const auto& groups_packed = static_cast<const PackedLinear&>(*last.data).transposed_groups(groups);
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
        fold.b = &groups_packed[static_cast<std::size_t>(g)];
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
