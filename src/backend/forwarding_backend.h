#pragma once
#include <memory>
#include <string>

#include "backend/backend.h"

namespace san {

/// Leaves everything to another backend: what a derived one changes alone remains to be written. `mlp` keeps
/// its definition, so that its layers are seen by do_linear.
class ForwardingBackend : public Backend {
 public:
  bool literal() const override { return inner().literal(); }

 protected:
  virtual Backend& inner() const = 0;

  std::shared_ptr<Storage> do_prepare_linear(const Param& weight, const Param* bias,
                                             LinearLayout layout) override;
  std::shared_ptr<Storage> do_prepare_grouped_linear(const Param& weight, const Param* bias,
                                                     int groups) override;
  std::shared_ptr<Storage> do_prepare_layer_norm(const Param& weight, const Param& bias, float eps) override;
  std::shared_ptr<Storage> do_prepare_patch_embed(const Param& weight, const Param* bias) override;
  std::shared_ptr<Storage> do_prepare_table(const Param& table) override;
  Tensor do_prepare_tensor(const Param& value, const Shape& as) override;
  Tensor do_from_host(const Shape& shape, std::span<const float> values) override;
  Tensor do_filled(const Shape& shape, const std::function<void(std::span<float>)>& fill) override;
  Tensor do_from_ids(const Shape& shape, std::span<const std::int32_t> ids) override;
  void do_to_host(const Tensor& x, std::span<float> values) override;
  Tensor do_reshape(const Tensor& x, const Shape& out) override;
  Tensor do_permute(const Tensor& x, std::span<const int> axes, const Shape& out) override;
  Tensor do_broadcast(const Tensor& x, const Shape& out) override;
  Tensor do_concat(std::span<const Tensor> xs, int axis, const Shape& out) override;
  Tensor do_slice(const Tensor& x, int axis, std::int64_t begin, const Shape& out) override;
  Tensor do_add(const Tensor& a, const Tensor& b, const Shape& out) override;
  Tensor do_mul(const Tensor& a, const Tensor& b, const Shape& out) override;
  Tensor do_activate(const Tensor& x, Activation kind) override;
  Tensor do_softmax(const Tensor& x) override;
  Tensor do_matmul(const Tensor& a, const Tensor& b, bool transpose_b, const Shape& out) override;
  Tensor do_resize(const Tensor& x, const ResizeSpec& spec, const Shape& out) override;
  Tensor do_adaptive_max_pool(const Tensor& x, Grid from, Grid to, const Shape& out) override;
  Tensor do_embedding(const TableWeight& table, const Tensor& ids, const Shape& out) override;
  Tensor do_linear(const Tensor& x, const LinearWeight& w, const LinearOptions& options,
                   const Shape& out) override;
  Tensor do_layer_norm(const Tensor& x, const NormWeight& w) override;
  Tensor do_patch_embed(const Tensor& image, Grid grid, const PatchWeight& w, const Shape& out) override;
  Tensor do_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                      const AttentionOptions& options) override;
  Tensor do_tree_attention(const Tensor& q, const Tensor& k, const Tensor& v, int heads,
                           const TokenTree& tree, std::span<const std::int32_t> asking) override;
  Normed do_add_layer_norm(const Tensor& x, const Tensor& y, const NormWeight& w) override;
  Tensor do_l2_normalize(const Tensor& x) override;
  Tensor do_pooled_attention_bias(const Tensor& queries, const Tensor& hidden,
                                  const GroupedLinearWeight& last, const BiasScaling& scaling, Grid from,
                                  Grid to) override;
  Tensor do_attention_bias(const Tensor& queries, const Tensor& hidden, const GroupedLinearWeight& last,
                           const BiasScaling& scaling) override;
};

}  // namespace san
