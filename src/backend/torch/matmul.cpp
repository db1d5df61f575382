#include "backend/torch/matmul.h"

#ifdef SAN_TORCH_ONEDNN
#include "backend/torch/onednn.h"
#endif

namespace san {

#ifdef SAN_TORCH_ONEDNN
namespace {

// oneDNN's fast kernels take dense matrices, plain or transposed; anything else is copied.
at::Tensor dense(const at::Tensor& t) {
  return t.is_contiguous() || t.transpose(-1, -2).is_contiguous() ? t : t.contiguous();
}

dnnl::memory memory_of(const at::Tensor& t) {
  const auto type = t.scalar_type() == at::kFloat ? kOneDnnType<float> : kOneDnnType<at::BFloat16>;
  return {dnnl::memory::desc({t.sizes().begin(), t.sizes().end()}, type,
                             {t.strides().begin(), t.strides().end()}),
          onednn_engine(), t.data_ptr()};
}

// [M, K] × [K, N] or [B, M, K] × [B, K, N] (+ bias [N])
at::Tensor product(const at::Tensor& a_in, const at::Tensor& b_in, const at::Tensor& bias = {}) {
  const at::Tensor a = dense(a_in), b = dense(b_in);
  std::vector<std::int64_t> sizes(a.sizes().begin(), a.sizes().end());
  sizes.back() = b.size(-1);
  const at::Tensor out = at::empty(sizes, a.options());
  const dnnl::memory ma = memory_of(a), mb = memory_of(b), mo = memory_of(out);
  std::unordered_map<int, dnnl::memory> args{{DNNL_ARG_SRC, ma}, {DNNL_ARG_WEIGHTS, mb}, {DNNL_ARG_DST, mo}};
  dnnl::stream stream(onednn_engine());
  if (bias.defined()) {
    const at::Tensor row = bias.contiguous().reshape({1, -1});
    const dnnl::memory mr = memory_of(row);
    args.emplace(DNNL_ARG_BIAS, mr);
    const dnnl::matmul::desc desc(ma.get_desc(), mb.get_desc(), mr.get_desc(), mo.get_desc());
    dnnl::matmul({desc, onednn_engine()}).execute(stream, args);
    stream.wait();
  } else {
    const dnnl::matmul::desc desc(ma.get_desc(), mb.get_desc(), mo.get_desc());
    dnnl::matmul({desc, onednn_engine()}).execute(stream, args);
    stream.wait();
  }
  return out;
}

bool eligible(const at::Tensor& a, const at::Tensor& b) {
  return a.device().is_cpu() && a.scalar_type() == b.scalar_type() && a.numel() > 0 && b.numel() > 0 &&
         (a.scalar_type() == at::kFloat || a.scalar_type() == at::kBFloat16);
}

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Product : torch::autograd::Function<Product> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& a, const at::Tensor& b) {
    context->save_for_backward({a, b});
    return product(a, b);
  }
  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &a = saved[0], &b = saved[1];
    at::Tensor ga, gb;
    if (context->needs_input_grad(0)) ga = product(grads[0], b.transpose(-1, -2));
    if (context->needs_input_grad(1)) gb = product(a.transpose(-1, -2), grads[0]);
    return {ga, gb};
  }
};

struct Linear : torch::autograd::Function<Linear> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& w,
                            const at::Tensor& bias) {
    context->save_for_backward({x, w});
    return product(x, w.t(), bias);
  }
  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const variable_list saved = context->get_saved_variables();
    at::Tensor gx, gw, gb;
    if (context->needs_input_grad(0)) gx = product(grads[0], saved[1]);
    if (context->needs_input_grad(1)) gw = product(grads[0].t(), saved[0]);
    if (context->needs_input_grad(2)) gb = grads[0].sum(0);
    return {gx, gw, gb};
  }
};

}  // namespace

bool matmul_uses_onednn() {
  return true;
}

bool cpu_multiplies_bf16() {
  return dnnl::get_effective_cpu_isa() >= dnnl::cpu_isa::avx512_core_bf16;
}

at::Tensor matmul_fast(const at::Tensor& a, const at::Tensor& b) {
  if (!eligible(a, b)) return at::matmul(a, b);
  std::vector<std::int64_t> sizes(a.sizes().begin(), a.sizes().end());
  sizes.back() = b.size(-1);
  if (b.dim() == 2) return Product::apply(a.reshape({-1, a.size(-1)}), b).view(sizes);
  return Product::apply(a.reshape({-1, a.size(-2), a.size(-1)}), b.reshape({-1, b.size(-2), b.size(-1)}))
      .view(sizes);
}

at::Tensor linear_fast(const at::Tensor& x, const at::Tensor& w, const at::Tensor& bias) {
  if (!eligible(x, w)) return bias.defined() ? at::linear(x, w, bias) : at::linear(x, w);
  if (!bias.defined()) return matmul_fast(x, w.t());
  std::vector<std::int64_t> sizes(x.sizes().begin(), x.sizes().end());
  sizes.back() = w.size(0);
  return Linear::apply(x.reshape({-1, x.size(-1)}), w, bias).view(sizes);
}
#else
bool matmul_uses_onednn() {
  return false;
}

bool cpu_multiplies_bf16() {
  return false;
}

at::Tensor matmul_fast(const at::Tensor& a, const at::Tensor& b) {
  return at::matmul(a, b);
}

at::Tensor linear_fast(const at::Tensor& x, const at::Tensor& w, const at::Tensor& bias) {
  return bias.defined() ? at::linear(x, w, bias) : at::linear(x, w);
}
#endif

}  // namespace san
