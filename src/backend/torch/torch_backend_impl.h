#pragma once
#include <memory>
#include <string>

#include "backend/backend.h"
#include "backend/torch/torch_backend.h"
#include "backend/torch/torch_parameters.h"

namespace san {

/// The network on libtorch tensors: autograd for training, CUDA for both.
///
/// Under a reduced precision, products and attention run in it and return it; norms, softmax and the residual
/// stream stay float32, parameters always.
class TorchBackend : public Backend {
 public:
  explicit TorchBackend(const TorchOptions& options);
  std::string name() const override { return "torch"; }
  std::unique_ptr<Backend> fork(std::shared_ptr<ThreadPool>) const override;
  std::shared_ptr<TorchParameters> parameters() const { return parameters_; }
  at::Device device() const { return parameters_->device(); }

  /// The tensor behind a value of this backend; parameters come as their leaf, viewed.
  at::Tensor to_torch(const Tensor& x) const;
  static Tensor from_torch(const at::Tensor& x);

  /// While on, every op checks its result (and, at training, the gradient that reaches it) for NaN and
  /// infinity and throws Error with the op's name. Slow: for finding out, not for running.
  void check_finite(bool on) { check_finite_ = on; }

 protected:
  void synchronize() override;
  std::int64_t attention_bias_macs(std::int64_t batch, std::int64_t q, std::int64_t t, std::int64_t m,
                                   std::int64_t e, std::int64_t groups) const override;

 private:
  TorchBackend(const TorchBackend&) = default;

  std::shared_ptr<Storage> do_prepare_linear(const Param&, const Param* bias, LinearLayout) override;
  std::shared_ptr<Storage> do_prepare_layer_norm(const Param&, const Param& bias, float eps) override;
  std::shared_ptr<Storage> do_prepare_patch_embed(const Param&, const Param* bias) override;
  std::shared_ptr<Storage> do_prepare_table(const Param&) override;
  Tensor do_prepare_tensor(const Param&, const Shape& as) override;
  Tensor do_from_host(const Shape&, std::span<const float>) override;
  Tensor do_from_ids(const Shape&, std::span<const std::int32_t>) override;
  void do_to_host(const Tensor&, std::span<float> values) override;
  Tensor do_reshape(const Tensor&, const Shape& out) override;
  Tensor do_permute(const Tensor&, std::span<const int> axes, const Shape& out) override;
  Tensor do_broadcast(const Tensor&, const Shape& out) override;
  Tensor do_concat(std::span<const Tensor>, int axis, const Shape& out) override;
  Tensor do_slice(const Tensor&, int axis, std::int64_t begin, const Shape& out) override;
  Tensor do_add(const Tensor&, const Tensor&, const Shape& out) override;
  Tensor do_mul(const Tensor&, const Tensor&, const Shape& out) override;
  Tensor do_activate(const Tensor&, Activation) override;
  Tensor do_softmax(const Tensor&) override;
  Tensor do_matmul(const Tensor&, const Tensor&, bool transpose_b, const Shape& out) override;
  Tensor do_resize(const Tensor&, const ResizeSpec&, const Shape& out) override;
  Tensor do_adaptive_max_pool(const Tensor&, Grid from, Grid to, const Shape& out) override;
  Tensor do_embedding(const TableWeight&, const Tensor& ids, const Shape& out) override;
  Tensor do_linear(const Tensor&, const LinearWeight&, const LinearOptions&, const Shape& out) override;
  Tensor do_layer_norm(const Tensor&, const NormWeight&) override;
  Tensor do_patch_embed(const Tensor&, Grid, const PatchWeight&, const Shape& out) override;
  Tensor do_attention(const Tensor&, const Tensor&, const Tensor&, const AttentionOptions&) override;
  Tensor do_l2_normalize(const Tensor&) override;
  Tensor do_attention_bias(const Tensor& queries, const Tensor& hidden, const GroupedLinearWeight& last,
                           const BiasScaling&) override;

  at::Tensor product(const at::Tensor& a, const at::Tensor& b) const;
  at::Tensor cast(const at::Tensor& x) const;
  /// Wraps a result, checking it when asked to.
  Tensor result(const at::Tensor& x, const char* op, std::string_view name = {}) const;

  TorchOptions options_;
  at::ScalarType compute_;
  bool check_finite_ = false;
  std::shared_ptr<TorchParameters> parameters_;
};

}  // namespace san
