#include "backend/forwarding_backend.h"

namespace san {

std::shared_ptr<Storage> ForwardingBackend::do_prepare_linear(const Param& weight, const Param* bias,
                                                              LinearLayout layout) {
  return inner().prepare_linear(weight, bias, layout).data;
}
std::shared_ptr<Storage> ForwardingBackend::do_prepare_grouped_linear(const Param& weight, const Param* bias,
                                                                      int groups) {
  return inner().prepare_grouped_linear(weight, bias, groups).data;
}
std::shared_ptr<Storage> ForwardingBackend::do_prepare_layer_norm(const Param& weight, const Param& bias,
                                                                  float eps) {
  return inner().prepare_layer_norm(weight, bias, eps).data;
}
std::shared_ptr<Storage> ForwardingBackend::do_prepare_patch_embed(const Param& weight, const Param* bias) {
  return inner().prepare_patch_embed(weight, bias).data;
}
std::shared_ptr<Storage> ForwardingBackend::do_prepare_table(const Param& table) {
  return inner().prepare_table(table).data;
}
Tensor ForwardingBackend::do_prepare_tensor(const Param& value, const Shape& as) {
  return inner().prepare_tensor(value, as);
}
Tensor ForwardingBackend::do_from_host(const Shape& shape, std::span<const float> values) {
  return inner().from_host(shape, values);
}
Tensor ForwardingBackend::do_filled(const Shape& shape, const std::function<void(std::span<float>)>& fill) {
  return inner().from_host(shape, fill);
}
Tensor ForwardingBackend::do_from_ids(const Shape& shape, std::span<const std::int32_t> ids) {
  return inner().from_ids(shape, ids);
}
void ForwardingBackend::do_to_host(const Tensor& x, std::span<float> values) {
  inner().to_host(x, values);
}
Tensor ForwardingBackend::do_reshape(const Tensor& x, const Shape& out) {
  return inner().reshape(x, out);
}
Tensor ForwardingBackend::do_permute(const Tensor& x, std::span<const int> axes, const Shape&) {
  return inner().permute(x, axes);
}
Tensor ForwardingBackend::do_broadcast(const Tensor& x, const Shape& out) {
  return inner().broadcast(x, out);
}
Tensor ForwardingBackend::do_concat(std::span<const Tensor> xs, int axis, const Shape&) {
  return inner().concat(xs, axis);
}
Tensor ForwardingBackend::do_slice(const Tensor& x, int axis, std::int64_t begin, const Shape& out) {
  return inner().slice(x, axis, begin, begin + out[axis]);
}
Tensor ForwardingBackend::do_add(const Tensor& a, const Tensor& b, const Shape&) {
  return inner().add(a, b);
}
Tensor ForwardingBackend::do_mul(const Tensor& a, const Tensor& b, const Shape&) {
  return inner().mul(a, b);
}
Tensor ForwardingBackend::do_activate(const Tensor& x, Activation kind) {
  return inner().activate(x, kind);
}
Tensor ForwardingBackend::do_softmax(const Tensor& x) {
  return inner().softmax(x);
}
Tensor ForwardingBackend::do_matmul(const Tensor& a, const Tensor& b, bool transpose_b, const Shape&) {
  return inner().matmul(a, b, transpose_b);
}
Tensor ForwardingBackend::do_resize(const Tensor& x, const ResizeSpec& spec, const Shape&) {
  return inner().resize(x, spec);
}
Tensor ForwardingBackend::do_adaptive_max_pool(const Tensor& x, Grid from, Grid to, const Shape&) {
  return inner().adaptive_max_pool(x, from, to);
}
Tensor ForwardingBackend::do_embedding(const TableWeight& table, const Tensor& ids, const Shape&) {
  return inner().embedding(table, ids);
}
Tensor ForwardingBackend::do_linear(const Tensor& x, const LinearWeight& w, const LinearOptions& options,
                                    const Shape&) {
  return inner().linear(x, w, options);
}
Tensor ForwardingBackend::do_layer_norm(const Tensor& x, const NormWeight& w) {
  return inner().layer_norm(x, w);
}
Tensor ForwardingBackend::do_patch_embed(const Tensor& image, Grid grid, const PatchWeight& w, const Shape&) {
  return inner().patch_embed(image, grid, w);
}
Tensor ForwardingBackend::do_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                                       const AttentionOptions& options) {
  return inner().attention(q, k, v, options);
}
Tensor ForwardingBackend::do_tree_attention(const Tensor& q, const Tensor& k, const Tensor& v, int heads,
                                            const TokenTree& tree, std::span<const std::int32_t> asking) {
  return inner().tree_attention(q, k, v, heads, tree, asking);
}
Normed ForwardingBackend::do_add_layer_norm(const Tensor& x, const Tensor& y, const NormWeight& w) {
  return inner().add_layer_norm(x, y, w);
}
Tensor ForwardingBackend::do_l2_normalize(const Tensor& x) {
  return inner().l2_normalize(x);
}
Tensor ForwardingBackend::do_attention_bias(const Tensor& queries, const Tensor& hidden,
                                            const GroupedLinearWeight& last, const BiasScaling& scaling) {
  return inner().attention_bias(queries, hidden, last, scaling);
}
Tensor ForwardingBackend::do_pooled_attention_bias(const Tensor& queries, const Tensor& hidden,
                                                   const GroupedLinearWeight& last,
                                                   const BiasScaling& scaling, Grid from, Grid to) {
  return inner().pooled_attention_bias(queries, hidden, last, scaling, from, to);
}

}  // namespace san
