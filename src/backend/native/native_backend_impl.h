#pragma once
#include <optional>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "backend/native/attention_integers.h"
#include "backend/native/elementwise.h"
#include "backend/native/gemm.h"
#include "backend/native/int8_gemm.h"
#include "backend/native/maps.h"
#include "backend/native/native_backend.h"
#include "backend/native/view.h"

namespace san::native {

struct PackedLinear : Storage {
  PackedMatrix matrix;
  std::optional<PackedInt8> int8;  ///< instead of the matrix
  BufferPtr bias;                  ///< null: none
};

/// attention_bias multiplies its layer from the other side: per group [E, in], the bias as one more column.
struct PackedGroups : Storage {
  std::vector<PackedMatrix> matrices;
};

struct PackedNorm : Storage {
  BufferPtr weight, bias;
  float eps = 0;
};

struct PackedTable : Storage {
  HostArray values;  ///< [rows, width] as stored: few rows of a table are ever asked for
};

struct IdStorage : Storage {
  std::vector<std::int32_t> ids;
};

class NativeBackend final : public Backend {
 public:
  explicit NativeBackend(const NativeOptions& options);

  std::string name() const override { return "native"; }
  std::unique_ptr<Backend> fork(std::shared_ptr<ThreadPool> threads) const override {
    return std::make_unique<NativeBackend>(
        NativeOptions{0, threads ? threads : pool_, int8_, bf16_, exact_attention_});
  }

 private:
  std::int64_t attention_bias_macs(std::int64_t batch, std::int64_t q, std::int64_t t, std::int64_t m,
                                   std::int64_t e, std::int64_t groups) const override;
  std::int64_t tree_attention_macs(std::int64_t channels, const TokenTree& tree,
                                   std::span<const std::int32_t> asking) const override {
    return visible_tree_macs(channels, tree, asking);
  }

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
  Tensor do_mlp(const Tensor& x, const LinearWeight& fc1, Activation activation, const LinearWeight& fc2,
                const Tensor& residual) override;
  Normed do_add_layer_norm(const Tensor& x, const Tensor& y, const NormWeight& w) override;
  Tensor do_l2_normalize(const Tensor& x) override;
  Tensor do_attention_bias(const Tensor& queries, const Tensor& hidden, const GroupedLinearWeight& last,
                           const BiasScaling& scaling) override;
  Tensor do_pooled_attention_bias(const Tensor& queries, const Tensor& hidden,
                                  const GroupedLinearWeight& last, const BiasScaling& scaling, Grid from,
                                  Grid to) override;

  /// Pooled where a pooling is given: [B, groups, Q, T or its cells].
  Tensor biases(const Tensor& queries, const Tensor& hidden, const GroupedLinearWeight& last,
                const BiasScaling& scaling, const Pooling* pooling);
  Tensor make(const Shape& shape);
  Tensor tensor(const Shape& shape, BufferPtr memory, float* first, const Strides& strides);
  /// The same buffer seen differently.
  Tensor same_buffer(const Tensor& x, const Shape& shape, std::int64_t offset, const Strides& strides);
  Tensor dense_copy(const Tensor& x);
  /// x itself or a dense copy: its last axis is adjacent and its other axes are rows.
  Tensor with_rows(const Tensor& x);
  Tensor with_dense(const Tensor& x);
  PackedMatrix pack(const float* source, std::int64_t row_stride, std::int64_t column_stride,
                    std::int64_t depth, std::int64_t columns, BufferPtr memory);
  PackedMatrix pack_linear(const Param& weight, bool out_in);
  PackedInt8 pack_int8_linear(const Param& weight);

  std::shared_ptr<BufferPool> buffers_;
  std::shared_ptr<ThreadPool> pool_;
  WeightRule int8_, bf16_;
  bool exact_attention_;
  std::optional<Bf16Form> bf16_attention_;
  std::optional<IntegerForm> integer_attention_;
};

/// The values of a tensor of this backend; throws Error for any other's.
const FloatStorage& storage(const Tensor& x);
View view(const Tensor& x);
inline float* data(const Tensor& x) {
  return storage(x).data;
}

}  // namespace san::native
