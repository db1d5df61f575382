#include "quantize/trial_backend.h"

#include "backend/forwarding_backend.h"

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

class TrialBackend final : public ForwardingBackend {
 public:
  TrialBackend(std::unique_ptr<Backend> inner, std::shared_ptr<Trial> trial)
      : inner_(std::move(inner)), trial_(std::move(trial)) {}
  std::string name() const override { return "trial(" + inner_->name() + ")"; }
  std::unique_ptr<Backend> fork(std::shared_ptr<ThreadPool> threads) const override {
    return std::make_unique<TrialBackend>(inner_->fork(std::move(threads)), trial_);
  }

 private:
  Backend& inner() const override { return *inner_; }
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
