#include "quantize/trial_backend.h"

namespace san {
namespace {

struct TrialWeight final : Storage {
  LinearWeight exact, rounded;
  std::shared_ptr<TrialLayer> layer;
};

/// The parameter with its values rounded to those of an int8 matrix.
Param rounded_weight(const Param& weight, LinearLayout layout) {
  const Shape s = weight.shape();
  const bool out_in = layout == LinearLayout::kOutIn;
  const std::int64_t in = out_in ? s[1] : s[0], out = out_in ? s[0] : s[1];
  std::vector<float> values = weight.f32();
  const auto at = [&](std::int64_t i, std::int64_t o) {
    return static_cast<std::size_t>(out_in ? o * in + i : i * out + o);
  };
  std::vector<float> matrix(values.size());
  for (std::int64_t i = 0; i < in; ++i)
    for (std::int64_t o = 0; o < out; ++o) matrix[static_cast<std::size_t>(i * out + o)] = values[at(i, o)];
  const QuantizedMatrix q = quantize_matrix(matrix, in, out);
  for (std::int64_t i = 0; i < in; ++i)
    for (std::int64_t o = 0; o < out; ++o)
      values[at(i, o)] =
          q.integers[static_cast<std::size_t>(i * out + o)] * q.scales[static_cast<std::size_t>(o)];
  return {weight.name, HostArray::from(s, std::move(values)), weight.trainable};
}

class TrialBackend final : public Backend {
 public:
  TrialBackend(std::unique_ptr<Backend> inner, std::shared_ptr<Trial> trial)
      : inner_(std::move(inner)), trial_(std::move(trial)) {}
  std::string name() const override { return "trial(" + inner_->name() + ")"; }
  std::unique_ptr<Backend> fork(std::shared_ptr<ThreadPool> threads) const override {
    return std::make_unique<TrialBackend>(inner_->fork(std::move(threads)), trial_);
  }
  bool literal() const override { return inner_->literal(); }

 private:
  std::shared_ptr<Storage> do_prepare_linear(const Param& weight, const Param* bias,
                                             LinearLayout layout) override {
    auto made = std::make_shared<TrialWeight>();
    made->exact = inner_->prepare_linear(weight, bias, layout);
    made->rounded = inner_->prepare_linear(rounded_weight(weight, layout), bias, layout);
    made->layer = std::make_shared<TrialLayer>();
    made->layer->name = layer_name(weight);
    made->layer->in = made->exact.in, made->layer->out = made->exact.out;
    trial_->layers.push_back(made->layer);
    return made;
  }
  std::shared_ptr<Storage> do_prepare_grouped_linear(const Param& weight, const Param* bias,
                                                     int groups) override {
    return inner_->prepare_grouped_linear(weight, bias, groups).data;
  }
  std::shared_ptr<Storage> do_prepare_layer_norm(const Param& weight, const Param& bias, float eps) override {
    return inner_->prepare_layer_norm(weight, bias, eps).data;
  }
  std::shared_ptr<Storage> do_prepare_patch_embed(const Param& weight, const Param* bias) override {
    return inner_->prepare_patch_embed(weight, bias).data;
  }
  std::shared_ptr<Storage> do_prepare_table(const Param& table) override {
    return inner_->prepare_table(table).data;
  }
  Tensor do_prepare_tensor(const Param& value, const Shape& as) override {
    return inner_->prepare_tensor(value, as);
  }
  Tensor do_from_host(const Shape& shape, std::span<const float> values) override {
    return inner_->from_host(shape, values);
  }
  Tensor do_from_ids(const Shape& shape, std::span<const std::int32_t> ids) override {
    return inner_->from_ids(shape, ids);
  }
  void do_to_host(const Tensor& x, std::span<float> values) override { inner_->to_host(x, values); }

  Tensor do_linear(const Tensor& x, const LinearWeight& w, const LinearOptions& options,
                   const Shape&) override {
    const auto& weight = static_cast<const TrialWeight&>(*w.data);
    TrialLayer& layer = *weight.layer;
    if (!trial_->observing && !layer.int8) return inner_->linear(x, weight.exact, options);
    std::vector<float> values = inner_->to_host(x);
    if (trial_->observing) {
      layer.seen.add(values);
      layer.macs += static_cast<std::int64_t>(values.size()) * layer.out;
    }
    if (!layer.int8) return inner_->linear(x, weight.exact, options);
    for (float& v : values) v = quantized(v, layer.scale) * layer.scale;
    return inner_->linear(inner_->from_host(x.shape(), values), weight.rounded, options);
  }

  Tensor do_reshape(const Tensor& x, const Shape& out) override { return inner_->reshape(x, out); }
  Tensor do_permute(const Tensor& x, std::span<const int> axes, const Shape&) override {
    return inner_->permute(x, axes);
  }
  Tensor do_broadcast(const Tensor& x, const Shape& out) override { return inner_->broadcast(x, out); }
  Tensor do_concat(std::span<const Tensor> xs, int axis, const Shape&) override {
    return inner_->concat(xs, axis);
  }
  Tensor do_slice(const Tensor& x, int axis, std::int64_t begin, const Shape& out) override {
    return inner_->slice(x, axis, begin, begin + out[axis]);
  }
  Tensor do_add(const Tensor& a, const Tensor& b, const Shape&) override { return inner_->add(a, b); }
  Tensor do_mul(const Tensor& a, const Tensor& b, const Shape&) override { return inner_->mul(a, b); }
  Tensor do_activate(const Tensor& x, Activation kind) override { return inner_->activate(x, kind); }
  Tensor do_softmax(const Tensor& x) override { return inner_->softmax(x); }
  Tensor do_matmul(const Tensor& a, const Tensor& b, bool transpose_b, const Shape&) override {
    return inner_->matmul(a, b, transpose_b);
  }
  Tensor do_resize(const Tensor& x, const ResizeSpec& spec, const Shape&) override {
    return inner_->resize(x, spec);
  }
  Tensor do_adaptive_max_pool(const Tensor& x, Grid from, Grid to, const Shape&) override {
    return inner_->adaptive_max_pool(x, from, to);
  }
  Tensor do_embedding(const TableWeight& table, const Tensor& ids, const Shape&) override {
    return inner_->embedding(table, ids);
  }
  Tensor do_layer_norm(const Tensor& x, const NormWeight& w) override { return inner_->layer_norm(x, w); }
  Tensor do_patch_embed(const Tensor& image, Grid grid, const PatchWeight& w, const Shape&) override {
    return inner_->patch_embed(image, grid, w);
  }
  Tensor do_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                      const AttentionOptions& options) override {
    return inner_->attention(q, k, v, options);
  }
  Tensor do_tree_attention(const Tensor& q, const Tensor& k, const Tensor& v, int heads,
                           const TokenTree& tree, std::span<const std::int32_t> asking) override {
    return inner_->tree_attention(q, k, v, heads, tree, asking);
  }
  Normed do_add_layer_norm(const Tensor& x, const Tensor& y, const NormWeight& w) override {
    return inner_->add_layer_norm(x, y, w);
  }
  Tensor do_l2_normalize(const Tensor& x) override { return inner_->l2_normalize(x); }
  Tensor do_attention_bias(const Tensor& queries, const Tensor& hidden, const GroupedLinearWeight& last,
                           const BiasScaling& scaling) override {
    return inner_->attention_bias(queries, hidden, last, scaling);
  }

  const std::unique_ptr<Backend> inner_;
  const std::shared_ptr<Trial> trial_;
};

}  // namespace

std::string layer_name(const Param& weight) {
  return weight.whole() ? weight.name
                        : fmt::format("{}[{}:{}]", weight.name, weight.row_begin, weight.row_end);
}

std::unique_ptr<Backend> make_trial_backend(std::unique_ptr<Backend> inner, std::shared_ptr<Trial> trial) {
  return std::make_unique<TrialBackend>(std::move(inner), std::move(trial));
}

}  // namespace san
