#include "backend/reference/reference_backend.h"

#include <limits>

#include "backend/reference/loops.h"
#include "base/error.h"

namespace san {
namespace {

using namespace reference;
using Index = std::int64_t;

struct HostStorage : Storage {
  Values values;
  std::vector<std::int32_t> ids;
};
struct WeightStorage : Storage {
  Values weight, bias;
};

std::size_t u(Index i) {
  return static_cast<std::size_t>(i);
}

const Values& values(const Tensor& x) {
  return static_cast<const HostStorage&>(*x.storage()).values;
}
const WeightStorage& weights(const std::shared_ptr<Storage>& data) {
  return static_cast<const WeightStorage&>(*data);
}

Tensor make(const Shape& shape, Values v) {
  auto storage = std::make_shared<HostStorage>();
  storage->values = std::move(v);
  return {shape, std::move(storage)};
}

Values zeros(const Shape& shape) {
  return Values(u(shape.elements()));
}

class ReferenceBackend final : public Backend {
 public:
  std::string name() const override { return "reference"; }
  std::unique_ptr<Backend> fork(std::shared_ptr<ThreadPool>) const override {
    return std::make_unique<ReferenceBackend>();
  }
  bool literal() const override { return true; }

 private:
  std::shared_ptr<Storage> pack(Values weight, const Param* bias) {
    auto storage = std::make_shared<WeightStorage>();
    storage->weight = std::move(weight);
    if (bias) storage->bias = bias->f32();
    return storage;
  }

  // Kept as [out, in].
  std::shared_ptr<Storage> do_prepare_linear(const Param& weight, const Param* bias,
                                             LinearLayout layout) override {
    Values w = weight.f32();
    if (layout == LinearLayout::kInOut) {
      const Index in = weight.shape()[0], out = weight.shape()[1];
      Values t(w.size());
      for (Index i = 0; i < in; ++i)
        for (Index o = 0; o < out; ++o) t[u(o * in + i)] = w[u(i * out + o)];
      w = std::move(t);
    }
    return pack(std::move(w), bias);
  }
  std::shared_ptr<Storage> do_prepare_layer_norm(const Param& weight, const Param& bias, float) override {
    return pack(weight.f32(), &bias);
  }
  std::shared_ptr<Storage> do_prepare_patch_embed(const Param& weight, const Param* bias) override {
    return pack(weight.f32(), bias);
  }
  std::shared_ptr<Storage> do_prepare_table(const Param& table) override {
    return pack(table.f32(), nullptr);
  }
  Tensor do_prepare_tensor(const Param& value, const Shape& as) override { return make(as, value.f32()); }

  Tensor do_from_host(const Shape& shape, std::span<const float> v) override {
    return make(shape, Values(v.begin(), v.end()));
  }
  Tensor do_from_ids(const Shape& shape, std::span<const std::int32_t> ids) override {
    auto storage = std::make_shared<HostStorage>();
    storage->ids.assign(ids.begin(), ids.end());
    return {shape, std::move(storage)};
  }
  void do_to_host(const Tensor& x, std::span<float> out) override {
    std::ranges::copy(values(x), out.begin());
  }

  Tensor do_reshape(const Tensor& x, const Shape& out) override { return {out, x.storage()}; }

  Tensor do_permute(const Tensor& x, std::span<const int> axes, const Shape& out) override {
    const auto strides = broadcast_strides(x.shape(), x.shape());
    Values y = zeros(out);
    for_each_index(out, [&](Index i, const std::vector<Index>& at) {
      Index source = 0;
      for (std::size_t axis = 0; axis < at.size(); ++axis)
        source += x.shape()[axes[axis]] == 1 ? 0 : at[axis] * strides[u(axes[axis])];
      y[u(i)] = values(x)[u(source)];
    });
    return make(out, std::move(y));
  }

  template <class F>
  Tensor elementwise(const Tensor& a, const Tensor& b, const Shape& out, F&& f) {
    const auto sa = broadcast_strides(a.shape(), out), sb = broadcast_strides(b.shape(), out);
    Values y = zeros(out);
    for_each_index(out, [&](Index i, const std::vector<Index>& at) {
      Index ia = 0, ib = 0;
      for (std::size_t axis = 0; axis < at.size(); ++axis)
        ia += at[axis] * sa[axis], ib += at[axis] * sb[axis];
      y[u(i)] = f(values(a)[u(ia)], values(b)[u(ib)]);
    });
    return make(out, std::move(y));
  }
  Tensor do_broadcast(const Tensor& x, const Shape& out) override {
    return elementwise(x, x, out, [](float a, float) { return a; });
  }
  Tensor do_add(const Tensor& a, const Tensor& b, const Shape& out) override {
    return elementwise(a, b, out, [](float x, float y) { return x + y; });
  }
  Tensor do_mul(const Tensor& a, const Tensor& b, const Shape& out) override {
    return elementwise(a, b, out, [](float x, float y) { return x * y; });
  }

  Tensor do_concat(std::span<const Tensor> xs, int axis, const Shape& out) override {
    const Index outer = out.elements(0, axis);
    Values y;
    for (Index o = 0; o < outer; ++o)
      for (const Tensor& x : xs) {
        const Index n = x.shape().elements(axis, x.shape().rank());
        y.insert(y.end(), values(x).begin() + o * n, values(x).begin() + (o + 1) * n);
      }
    return make(out, std::move(y));
  }
  Tensor do_slice(const Tensor& x, int axis, Index begin, const Shape& out) override {
    const Index outer = out.elements(0, axis), inner = out.elements(axis + 1, out.rank());
    Values y;
    for (Index o = 0; o < outer; ++o) {
      const auto row = values(x).begin() + (o * x[axis] + begin) * inner;
      y.insert(y.end(), row, row + out[axis] * inner);
    }
    return make(out, std::move(y));
  }

  Tensor do_activate(const Tensor& x, Activation kind) override {
    Values y = values(x);
    for (float& v : y) v = static_cast<float>(activation(kind, v));
    return make(x.shape(), std::move(y));
  }

  Tensor do_softmax(const Tensor& x) override {
    Values y = values(x);
    for (auto row = y.begin(); row != y.end(); row += x[-1]) {
      const double top = *std::max_element(row, row + x[-1]);
      double sum = 0;
      for (Index i = 0; i < x[-1]; ++i) sum += std::exp(row[i] - top);
      for (Index i = 0; i < x[-1]; ++i) row[i] = static_cast<float>(std::exp(row[i] - top) / sum);
    }
    return make(x.shape(), std::move(y));
  }

  Tensor do_matmul(const Tensor& a, const Tensor& b, bool transpose_b, const Shape& out) override {
    const Index m = out[-2], n = out[-1], k = a[-1];
    Shape batch = out, ba = a.shape(), bb = b.shape();
    for (const int axis : {-2, -1}) batch.set(axis, 1), ba.set(axis, 1), bb.set(axis, 1);
    const auto sa = broadcast_strides(ba, batch), sb = broadcast_strides(bb, batch);
    Values y = zeros(out);
    for_each_index(batch, [&](Index i, const std::vector<Index>& at) {
      Index ia = 0, ib = 0;
      for (std::size_t axis = 0; axis < at.size(); ++axis)
        ia += at[axis] * sa[axis], ib += at[axis] * sb[axis];
      const float *pa = &values(a)[u(ia * m * k)], *pb = &values(b)[u(ib * n * k)];
      for (Index r = 0; r < m; ++r)
        for (Index c = 0; c < n; ++c) {
          double sum = 0;
          for (Index j = 0; j < k; ++j)
            sum += double{pa[r * k + j]} * pb[transpose_b ? c * k + j : j * n + c];
          y[u((i * m + r) * n + c)] = static_cast<float>(sum);
        }
    });
    return make(out, std::move(y));
  }

  Tensor do_resize(const Tensor& x, const ResizeSpec& s, const Shape& out) override {
    const auto step = [&](Index from, Index to) {
      return s.scale > 0 ? 1.0 / s.scale : static_cast<double>(from) / static_cast<double>(to);
    };
    Values y = zeros(out);
    const Index channels = out[2];
    for_each_index({out[0], s.to.height, s.to.width}, [&](Index i, const std::vector<Index>& at) {
      const Taps ty = interpolation_taps(at[1], s.from.height, step(s.from.height, s.to.height), s.kernel);
      const Taps tx = interpolation_taps(at[2], s.from.width, step(s.from.width, s.to.width), s.kernel);
      for (Index c = 0; c < channels; ++c) {
        double sum = 0;
        for (int p = 0; p < ty.count; ++p)
          for (int q = 0; q < tx.count; ++q)
            sum += ty.weight[p] * tx.weight[q] *
                   values(x)[u(
                       ((at[0] * s.from.height + ty.index[p]) * s.from.width + tx.index[q]) * channels + c)];
        y[u(i * channels + c)] = static_cast<float>(sum);
      }
    });
    return make(out, std::move(y));
  }

  Tensor do_adaptive_max_pool(const Tensor& x, Grid from, Grid to, const Shape& out) override {
    Values y = zeros(out);
    for_each_index(
        {out.elements() / to.tokens(), to.height, to.width}, [&](Index i, const std::vector<Index>& at) {
          float top = -std::numeric_limits<float>::infinity();
          const auto begin = [](Index t, Index f, Index n) { return t * f / n; };
          const auto end = [](Index t, Index f, Index n) { return ((t + 1) * f + n - 1) / n; };
          for (Index r = begin(at[1], from.height, to.height); r < end(at[1], from.height, to.height); ++r)
            for (Index c = begin(at[2], from.width, to.width); c < end(at[2], from.width, to.width); ++c)
              top = std::max(top, values(x)[u((at[0] * from.height + r) * from.width + c)]);
          y[u(i)] = top;
        });
    return make(out, std::move(y));
  }

  Tensor do_embedding(const TableWeight& table, const Tensor& ids, const Shape& out) override {
    Values y;
    for (const std::int32_t id : static_cast<const HostStorage&>(*ids.storage()).ids) {
      require(id >= 0 && id < table.rows, "embedding ({}): id {} is not below {}", table.name, id,
              table.rows);
      const auto row = weights(table.data).weight.begin() + id * table.width;
      y.insert(y.end(), row, row + table.width);
    }
    return make(out, std::move(y));
  }

  Tensor do_linear(const Tensor& x, const LinearWeight& w, const LinearOptions& options,
                   const Shape& out) override {
    const auto& [weight, bias] = std::tie(weights(w.data).weight, weights(w.data).bias);
    Values y = zeros(out);
    for (Index row = 0; row < out.elements() / w.out; ++row)
      for (Index o = 0; o < w.out; ++o) {
        double sum = w.has_bias ? bias[u(o)] : 0;
        for (Index i = 0; i < w.in; ++i)
          sum += double{values(x)[u(row * w.in + i)]} * weight[u(o * w.in + i)];
        const double r = options.residual ? values(options.residual)[u(row * w.out + o)] : 0;
        y[u(row * w.out + o)] = static_cast<float>(activation(options.activation, sum) + r);
      }
    return make(out, std::move(y));
  }

  Tensor do_layer_norm(const Tensor& x, const NormWeight& w) override {
    const auto& [weight, bias] = std::tie(weights(w.data).weight, weights(w.data).bias);
    Values y = values(x);
    for (auto row = y.begin(); row != y.end(); row += w.channels) {
      double mean = 0, variance = 0;
      for (Index i = 0; i < w.channels; ++i) mean += row[i];
      mean /= static_cast<double>(w.channels);
      for (Index i = 0; i < w.channels; ++i) variance += (row[i] - mean) * (row[i] - mean);
      const double scale = 1.0 / std::sqrt(variance / static_cast<double>(w.channels) + w.eps);
      for (Index i = 0; i < w.channels; ++i)
        row[i] = static_cast<float>((row[i] - mean) * scale * weight[u(i)] + bias[u(i)]);
    }
    return make(x.shape(), std::move(y));
  }

  Tensor do_patch_embed(const Tensor& image, Grid grid, const PatchWeight& w, const Shape& out) override {
    const Values &weight = weights(w.data).weight, &bias = weights(w.data).bias;
    const Index p = w.patch, columns = grid.width / p;
    Values y = zeros(out);
    for_each_index(out, [&](Index i, const std::vector<Index>& at) {
      double sum = w.has_bias ? bias[u(at[2])] : 0;
      for_each_index({w.in, p, p}, [&](Index j, const std::vector<Index>& k) {
        const Index row = at[1] / columns * p + k[1], column = at[1] % columns * p + k[2];
        const Index pixel = (at[0] * grid.height + row) * grid.width + column;
        sum += double{values(image)[u(pixel * w.in + k[0])]} * weight[u(at[2] * w.in * p * p + j)];
      });
      y[u(i)] = static_cast<float>(sum);
    });
    return make(out, std::move(y));
  }
};

}  // namespace

std::unique_ptr<Backend> make_reference_backend() {
  return std::make_unique<ReferenceBackend>();
}

}  // namespace san
