#include <torch/csrc/api/include/torch/cuda.h>

#include <cmath>

#include "backend/torch/cpu_attention.h"
#include "backend/torch/cpu_runtime.h"
#include "backend/torch/matmul.h"
#include "backend/torch/torch_backend_impl.h"
#include "base/error.h"

namespace san {
namespace {

struct TorchStorage : Storage {
  explicit TorchStorage(at::Tensor v, bool parameter = false)
      : value(std::move(v)), is_parameter(parameter) {}
  at::Tensor value;
  bool is_parameter;  ///< a leaf in its own shape, viewed at each use: optimisers update it in place
};

struct TorchWeight : Storage {
  Param weight_rows, bias_rows;  ///< names and rows only
  at::Tensor weight, bias;
  bool in_out = false;
};

at::IntArrayRef sizes(const Shape& shape) {
  return {shape.begin(), shape.end()};
}

Param without_value(const Param& p) {
  Param rows = p;
  rows.value = {};
  return rows;
}

std::shared_ptr<TorchWeight> weight_of(TorchParameters& parameters, const Param& weight, const Param* bias) {
  auto w = std::make_shared<TorchWeight>();
  w->weight_rows = without_value(weight);
  w->weight = parameters.leaf(weight);
  if (bias) w->bias_rows = without_value(*bias), w->bias = parameters.leaf(*bias);
  return w;
}

const TorchWeight& unwrap(const std::shared_ptr<Storage>& data) {
  return static_cast<const TorchWeight&>(*data);
}

at::Tensor rows_of(const at::Tensor& leaf, const Param& rows) {
  return leaf.defined() ? TorchParameters::rows(leaf, rows) : leaf;
}

// [out, in], whatever the layout on disk
at::Tensor matrix(const TorchWeight& w) {
  const at::Tensor m = rows_of(w.weight, w.weight_rows);
  return w.in_out ? m.t() : m.view({m.size(0), m.size(1)});
}

at::Tensor activated(const at::Tensor& x, Activation kind) {
  switch (kind) {
    case Activation::kNone:
      return x;
    case Activation::kRelu:
      return at::relu(x);
    case Activation::kGelu:
      return at::gelu(x);
    case Activation::kQuickGelu:
      return x * at::sigmoid(x * 1.702);
    case Activation::kSigmoid:
      return at::sigmoid(x);
    case Activation::kExp:
      return at::exp(x);
    case Activation::kInverseNorm:
      return at::rsqrt(x.clamp_min(1e-24));
  }
  fail("unknown activation {}", static_cast<int>(kind));
}

at::ScalarType scalar_type(Precision precision) {
  switch (precision) {
    case Precision::kF16:
      return at::kHalf;
    case Precision::kBF16:
      return at::kBFloat16;
    default:
      return at::kFloat;
  }
}

at::Device checked_device(const TorchOptions& options) {
  const at::Device device = [&] {
    try {
      return at::Device(options.device);
    } catch (const c10::Error&) {
      fail("unknown device '{}': expected cpu, cuda or cuda:N", options.device);
    }
  }();
  require(device.is_cpu() || device.is_cuda(), "the torch backend runs on cpu and cuda, not on '{}'",
          options.device);
  require(device.is_cpu() || at::hasCUDA(),
          "device '{}': this libtorch sees no CUDA device (use --device cpu)", options.device);
  require(!device.is_cpu() || options.precision != Precision::kF16,
          "fp16 runs on CUDA only (use --precision fp32 or bf16 on the CPU)");
  require(!device.is_cpu() || options.precision != Precision::kBF16 || cpu_multiplies_bf16(),
          "bf16 needs CUDA, or a processor that multiplies it itself (AVX-512 BF16, AMX) and oneDNN; use "
          "--precision fp32");
  return device;
}

}  // namespace

bool torch_has_cuda() {
  return at::hasCUDA();
}

bool torch_cpu_has_bf16() {
  return cpu_multiplies_bf16();
}

std::string torch_description() {
  return fmt::format("libtorch {}.{}.{}, CPU matmuls by {}", TORCH_VERSION_MAJOR, TORCH_VERSION_MINOR,
                     TORCH_VERSION_PATCH, matmul_uses_onednn() ? "oneDNN" : "libtorch");
}

std::unique_ptr<Backend> make_torch_backend(const TorchOptions& options) {
  return std::make_unique<TorchBackend>(options);
}

TorchBackend::TorchBackend(const TorchOptions& options)
    : options_(options),
      compute_(scalar_type(options.precision)),
      parameters_(std::make_shared<TorchParameters>(checked_device(options), options.training)) {
  if (device().is_cpu()) prepare_cpu_runtime(options.threads);
}

std::unique_ptr<Backend> TorchBackend::fork(std::shared_ptr<ThreadPool>) const {
  return std::unique_ptr<Backend>(new TorchBackend(*this));
}

void TorchBackend::synchronize() {
  if (device().is_cuda()) torch::cuda::synchronize(device().index());
}

at::Tensor TorchBackend::to_torch(const Tensor& x) const {
  const auto& storage = static_cast<const TorchStorage&>(*x.storage());
  return storage.is_parameter ? storage.value.view(sizes(x.shape())) : storage.value;
}

Tensor TorchBackend::from_torch(const at::Tensor& x) {
  return {shape_of(x), std::make_shared<TorchStorage>(x)};
}

Tensor TorchBackend::result(const at::Tensor& x, const char* op, std::string_view name) const {
  if (!check_finite_) return from_torch(x);
  const std::string at = fmt::format("{} ({})", op, name.empty() ? std::string_view(scope()) : name);
  require(x.isfinite().all().item<bool>(), "{}: the result has NaN or infinite values", at);
  if (x.requires_grad())
    x.register_hook([at](const at::Tensor& grad) {
      require(grad.isfinite().all().item<bool>(), "{}: the gradient of the result has NaN or infinite values",
              at);
    });
  return from_torch(x);
}

at::Tensor TorchBackend::cast(const at::Tensor& x) const {
  return x.scalar_type() == compute_ ? x : x.to(compute_);
}

at::Tensor TorchBackend::product(const at::Tensor& a, const at::Tensor& b) const {
  return matmul_fast(cast(a), cast(b));
}

// Weights ------------------------------------------------------------------------------------------------

std::shared_ptr<Storage> TorchBackend::do_prepare_linear(const Param& weight, const Param* bias,
                                                         LinearLayout layout) {
  const auto w = weight_of(*parameters_, weight, bias);
  w->in_out = layout == LinearLayout::kInOut;
  return w;
}

std::shared_ptr<Storage> TorchBackend::do_prepare_layer_norm(const Param& weight, const Param& bias, float) {
  return weight_of(*parameters_, weight, &bias);
}

std::shared_ptr<Storage> TorchBackend::do_prepare_patch_embed(const Param& weight, const Param* bias) {
  return weight_of(*parameters_, weight, bias);
}

std::shared_ptr<Storage> TorchBackend::do_prepare_table(const Param& table) {
  return weight_of(*parameters_, table, nullptr);
}

Tensor TorchBackend::do_prepare_tensor(const Param& value, const Shape& as) {
  require(value.whole(), "{}: rows of an operand cannot be selected", value.name);
  return {as, std::make_shared<TorchStorage>(parameters_->leaf(value), true)};
}

// Values -------------------------------------------------------------------------------------------------

Tensor TorchBackend::do_from_host(const Shape& shape, std::span<const float> values) {
  const at::Tensor host = at::from_blob(const_cast<float*>(values.data()), sizes(shape), at::kFloat);
  return from_torch(device().is_cpu() ? host.clone() : host.to(device()));
}

Tensor TorchBackend::do_from_ids(const Shape& shape, std::span<const std::int32_t> ids) {
  return from_torch(
      at::from_blob(const_cast<std::int32_t*>(ids.data()), sizes(shape), at::kInt).to(device(), at::kLong));
}

void TorchBackend::do_to_host(const Tensor& x, std::span<float> values) {
  std::ranges::copy(host_array_of(to_torch(x)).to_f32(), values.begin());
}

// Plain ops ----------------------------------------------------------------------------------------------

Tensor TorchBackend::do_reshape(const Tensor& x, const Shape& out) {
  return from_torch(to_torch(x).reshape(sizes(out)));
}

Tensor TorchBackend::do_permute(const Tensor& x, std::span<const int> axes, const Shape&) {
  return from_torch(to_torch(x).permute(std::vector<std::int64_t>(axes.begin(), axes.end())));
}

Tensor TorchBackend::do_broadcast(const Tensor& x, const Shape& out) {
  return from_torch(to_torch(x).expand(sizes(out)));
}

Tensor TorchBackend::do_concat(std::span<const Tensor> xs, int axis, const Shape&) {
  std::vector<at::Tensor> parts;
  at::ScalarType type = to_torch(xs[0]).scalar_type();
  for (const Tensor& x : xs)
    parts.push_back(to_torch(x)), type = at::promote_types(type, parts.back().scalar_type());
  for (at::Tensor& part : parts) part = part.to(type);
  return from_torch(at::cat(parts, axis));
}

Tensor TorchBackend::do_slice(const Tensor& x, int axis, std::int64_t begin, const Shape& out) {
  return from_torch(to_torch(x).narrow(axis, begin, out[axis]));
}

Tensor TorchBackend::do_add(const Tensor& a, const Tensor& b, const Shape&) {
  return result(to_torch(a) + to_torch(b), "add");
}

Tensor TorchBackend::do_mul(const Tensor& a, const Tensor& b, const Shape&) {
  return result(to_torch(a) * to_torch(b), "mul");
}

Tensor TorchBackend::do_activate(const Tensor& x, Activation kind) {
  return result(activated(to_torch(x), kind), "activate");
}

Tensor TorchBackend::do_softmax(const Tensor& x) {
  return result(at::softmax(to_torch(x), -1, at::kFloat), "softmax");
}

Tensor TorchBackend::do_matmul(const Tensor& a, const Tensor& b, bool transpose_b, const Shape& out) {
  const at::Tensor ta = to_torch(a), tb = transpose_b ? to_torch(b).transpose(-1, -2) : to_torch(b);
  std::vector<std::int64_t> sa(out.begin(), out.end()), sb = sa;
  sa.back() = ta.size(-1), sb[sb.size() - 2] = tb.size(-2);
  return result(product(ta.expand(sa), tb.dim() == 2 ? tb : tb.expand(sb)), "matmul");
}

Tensor TorchBackend::do_resize(const Tensor& x, const ResizeSpec& spec, const Shape& out) {
  const at::Tensor map =
      to_torch(x).reshape({x[0], spec.from.height, spec.from.width, x[2]}).permute({0, 3, 1, 2});
  const TorchOptional<double> scale =
      spec.scale > 0 ? TorchOptional<double>(spec.scale) : TorchOptional<double>();
  const std::vector<std::int64_t> size{spec.to.height, spec.to.width};
  const at::Tensor resized = spec.kernel == Interpolation::kBicubic
                                 ? at::upsample_bicubic2d(map, size, false, scale, scale)
                                 : at::upsample_bilinear2d(map, size, false, scale, scale);
  return result(resized.permute({0, 2, 3, 1}).reshape(sizes(out)), "resize");
}

Tensor TorchBackend::do_adaptive_max_pool(const Tensor& x, Grid from, Grid to, const Shape& out) {
  const at::Tensor maps = to_torch(x).reshape({1, -1, from.height, from.width});
  return from_torch(std::get<0>(at::adaptive_max_pool2d(maps, {to.height, to.width})).reshape(sizes(out)));
}

Tensor TorchBackend::do_embedding(const TableWeight& table, const Tensor& ids, const Shape&) {
  const TorchWeight& w = unwrap(table.data);
  return from_torch(at::embedding(rows_of(w.weight, w.weight_rows), to_torch(ids)));
}

// Ops on prepared weights --------------------------------------------------------------------------------

Tensor TorchBackend::do_linear(const Tensor& x, const LinearWeight& weight, const LinearOptions& options,
                               const Shape&) {
  const TorchWeight& w = unwrap(weight.data);
  const at::Tensor bias = rows_of(w.bias, w.bias_rows);
  at::Tensor y = linear_fast(cast(to_torch(x)), cast(matrix(w)), bias.defined() ? cast(bias) : bias);
  y = activated(y, options.activation);
  if (options.residual) y = y + to_torch(options.residual);
  return result(y, "linear", weight.name);
}

Tensor TorchBackend::do_layer_norm(const Tensor& x, const NormWeight& weight) {
  const TorchWeight& w = unwrap(weight.data);
  return result(at::layer_norm(to_torch(x).to(at::kFloat), {weight.channels},
                               rows_of(w.weight, w.weight_rows), rows_of(w.bias, w.bias_rows), weight.eps),
                "layer_norm", weight.name);
}

Tensor TorchBackend::do_patch_embed(const Tensor& image, Grid grid, const PatchWeight& weight, const Shape&) {
  const TorchWeight& w = unwrap(weight.data);
  const std::int64_t p = weight.patch, rows = grid.height / p, columns = grid.width / p;
  const at::Tensor patches = to_torch(image)
                                 .reshape({image[0], grid.height, grid.width, weight.in})
                                 .slice(1, 0, rows * p)
                                 .slice(2, 0, columns * p)
                                 .reshape({image[0], rows, p, columns, p, weight.in})
                                 .permute({0, 1, 3, 5, 2, 4})
                                 .reshape({image[0], rows * columns, weight.in * p * p});
  const at::Tensor kernel = rows_of(w.weight, w.weight_rows).reshape({weight.out, weight.in * p * p});
  const at::Tensor bias = rows_of(w.bias, w.bias_rows);
  return result(linear_fast(cast(patches), cast(kernel), bias.defined() ? cast(bias) : bias), "patch_embed",
                weight.name);
}

// Composites ---------------------------------------------------------------------------------------------

Tensor TorchBackend::do_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                                  const AttentionOptions& o) {
  if (!o.bias && !o.self_key) {
    const at::Tensor tq = cast(to_torch(q)), tk = cast(to_torch(k)), tv = cast(to_torch(v));
    if (has_fused_cpu_attention(tq, tk, tv))
      return result(fused_cpu_attention(tq, tk, tv, o.heads, o.causal), "attention");
  }
  const std::int64_t channels = q[2] / o.heads;
  const auto heads = [&](const Tensor& x) {
    return cast(to_torch(x)).reshape({x[0], x[1], o.heads, channels}).transpose(1, 2);  // [B, h, T, d/h]
  };
  const auto merged = [&](const at::Tensor& y) {
    return result(y.transpose(1, 2).reshape({q[0], q[1], q[2]}), "attention");
  };
#if SAN_TORCH_AT_LEAST(2, 0)
  if (!o.bias && !o.self_key)
    return merged(at::scaled_dot_product_attention(heads(q), heads(k), heads(v), {}, 0.0, o.causal));
#endif
  const at::Tensor qh = heads(q) * (1.0 / std::sqrt(static_cast<double>(channels)));
  at::Tensor scores = product(qh, heads(k).transpose(-1, -2)).to(at::kFloat);
  if (o.bias) scores = scores + to_torch(o.bias);
  if (o.causal)
    scores = scores.masked_fill(at::ones({q[1], k[1]}, scores.options().dtype(at::kBool)).triu(1), -INFINITY);
  if (o.self_key) {
    const at::Tensor own = (qh.to(at::kFloat) * heads(o.self_key).to(at::kFloat)).sum(-1, true);
    scores = at::cat({scores, own}, -1);
  }
  const at::Tensor p = at::softmax(scores, -1);
  at::Tensor y = product(p.narrow(-1, 0, k[1]), heads(v));
  if (o.self_key) y = y + cast(p.narrow(-1, k[1], 1)) * heads(o.self_value);
  return merged(y);
}

Tensor TorchBackend::do_l2_normalize(const Tensor& x) {
  const at::Tensor values = to_torch(x).to(at::kFloat);
  return result(values / values.norm(2, {-1}, true).clamp_min(1e-12), "l2_normalize");
}

namespace {
// Whether queries pass through the last layer's weights, instead of the map, more cheaply.
bool folds(std::int64_t q, std::int64_t t, std::int64_t m, std::int64_t e) {
  return q * m * (e + t) < t * e * (m + q);
}
}  // namespace

std::int64_t TorchBackend::attention_bias_macs(std::int64_t batch, std::int64_t q, std::int64_t t,
                                               std::int64_t m, std::int64_t e, std::int64_t groups) const {
  if (!folds(q, t, m, e)) return Backend::attention_bias_macs(batch, q, t, m, e, groups);
  return batch * groups * q * (e * m + e + t * m);
}

Tensor TorchBackend::do_attention_bias(const Tensor& queries, const Tensor& hidden,
                                       const GroupedLinearWeight& last, const BiasScaling& scaling) {
  const std::int64_t b = queries[0], q = queries[1], e = queries[2], t = hidden[1], m = hidden[2],
                     groups = last.groups;
  if (!folds(q, t, m, e)) return Backend::do_attention_bias(queries, hidden, last, scaling);
  const TorchWeight& w = unwrap(last.data);
  const at::Tensor fold = matrix(w).view({groups, e, m}).permute({1, 0, 2}).reshape({e, groups * m});
  const at::Tensor folded = product(to_torch(queries), fold)
                                .view({b, q, groups, m})
                                .permute({0, 2, 1, 3})
                                .reshape({b, groups * q, m});
  at::Tensor bias = product(folded, to_torch(hidden).transpose(1, 2)).view({b, groups, q, t});
  if (last.has_bias) {
    const at::Tensor c = rows_of(w.bias, w.bias_rows).view({groups, e});
    bias = bias + product(to_torch(queries), c.t()).permute({0, 2, 1}).unsqueeze(-1);
  }
  if (scaling.scale) bias = bias * to_torch(scaling.scale) + to_torch(scaling.shift);
  return result(bias, "attention_bias", last.name);
}

}  // namespace san
