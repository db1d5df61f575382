// Every op of the suite that all backends pass, recorded and run in ONNX Runtime.
#include <gtest/gtest.h>

#include "backend/backend_suite/suite.h"
#include "backend/onnx/onnx_backend.h"
#include "export/runtime_for_tests.h"

namespace san {
namespace {

/// Records, and where values are asked for runs what it has recorded.
class Executed final : public Backend {
 public:
  std::string name() const override { return "executed onnx"; }
  std::unique_ptr<Backend> fork(std::shared_ptr<ThreadPool>) const override {
    return std::make_unique<Executed>();
  }

 private:
  std::shared_ptr<Storage> do_prepare_linear(const Param& weight, const Param* bias,
                                             LinearLayout layout) override {
    return b_->prepare_linear(weight, bias, layout).data;
  }
  std::shared_ptr<Storage> do_prepare_layer_norm(const Param& weight, const Param& bias, float eps) override {
    return b_->prepare_layer_norm(weight, bias, eps).data;
  }
  std::shared_ptr<Storage> do_prepare_patch_embed(const Param& weight, const Param* bias) override {
    return b_->prepare_patch_embed(weight, bias).data;
  }
  std::shared_ptr<Storage> do_prepare_table(const Param& table) override {
    return b_->prepare_table(table).data;
  }
  Tensor do_prepare_tensor(const Param& value, const Shape& as) override {
    return b_->prepare_tensor(value, as);
  }
  Tensor do_from_host(const Shape& shape, std::span<const float> values) override {
    return b_->from_host(shape, values);
  }
  Tensor do_from_ids(const Shape& shape, std::span<const std::int32_t> ids) override {
    const std::vector<std::int64_t> extents(shape.begin(), shape.end());
    return b_->adopt(
        graph_.node("ids", "Reshape", {graph_.integers({ids.begin(), ids.end()}), graph_.integers(extents)}),
        shape);
  }
  void do_to_host(const Tensor& x, std::span<float> values) override {
    const std::string output = "output_" + std::to_string(outputs_++);
    graph_.output(output, b_->value(x), OnnxType::kFloat, b_->extents(x.shape(), {}));
    const TemporaryFolder folder;
    graph_.save(folder.path() / "op.onnx");
    const auto run = run_in_onnx_runtime(folder.path() / "op.onnx", {{}}, 1);
    std::ranges::copy(std::get<std::vector<float>>(run.at(0).at(output).data), values.begin());
  }

  Tensor do_reshape(const Tensor& x, const Shape& out) override { return b_->reshape(x, out); }
  Tensor do_permute(const Tensor& x, std::span<const int> axes, const Shape&) override {
    return b_->permute(x, axes);
  }
  Tensor do_broadcast(const Tensor& x, const Shape& out) override { return b_->broadcast(x, out); }
  Tensor do_concat(std::span<const Tensor> xs, int axis, const Shape&) override {
    return b_->concat(xs, axis);
  }
  Tensor do_slice(const Tensor& x, int axis, std::int64_t begin, const Shape& out) override {
    return b_->slice(x, axis, begin, begin + out[axis]);
  }
  Tensor do_add(const Tensor& x, const Tensor& y, const Shape&) override { return b_->add(x, y); }
  Tensor do_mul(const Tensor& x, const Tensor& y, const Shape&) override { return b_->mul(x, y); }
  Tensor do_activate(const Tensor& x, Activation kind) override { return b_->activate(x, kind); }
  Tensor do_softmax(const Tensor& x) override { return b_->softmax(x); }
  Tensor do_matmul(const Tensor& x, const Tensor& y, bool transpose, const Shape&) override {
    return b_->matmul(x, y, transpose);
  }
  Tensor do_resize(const Tensor& x, const ResizeSpec& spec, const Shape&) override {
    return b_->resize(x, spec);
  }
  Tensor do_adaptive_max_pool(const Tensor& x, Grid from, Grid to, const Shape&) override {
    return b_->adaptive_max_pool(x, from, to);
  }
  Tensor do_embedding(const TableWeight& table, const Tensor& ids, const Shape&) override {
    return b_->embedding(table, ids);
  }
  Tensor do_linear(const Tensor& x, const LinearWeight& w, const LinearOptions& options,
                   const Shape&) override {
    return b_->linear(x, w, options);
  }
  Tensor do_layer_norm(const Tensor& x, const NormWeight& w) override { return b_->layer_norm(x, w); }
  Tensor do_patch_embed(const Tensor& image, Grid grid, const PatchWeight& w, const Shape&) override {
    return b_->patch_embed(image, grid, w);
  }
  Tensor do_attention(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& o) override {
    return b_->attention(q, k, v, o);
  }
  Tensor do_l2_normalize(const Tensor& x) override { return b_->l2_normalize(x); }
  Tensor do_attention_bias(const Tensor& queries, const Tensor& hidden, const GroupedLinearWeight& last,
                           const BiasScaling& scaling) override {
    return b_->attention_bias(queries, hidden, last, scaling);
  }

  OnnxGraph graph_{"op", 18};
  std::unique_ptr<OnnxBackend> b_ = make_onnx_backend(graph_);
  int outputs_ = 0;
};

class Ops : public RuntimeTest {};
TEST_F(Ops, RuntimeIsThere) {}  // or says why the suite is not run

const int cases =
    find_onnx_runtime().empty()
        ? suite::register_backend(
              "onnx", [] { return std::make_unique<Executed>(); },
              {{"resize", 6e-5,
                "coordinates are float32 multiples of a float32 scale, so samples move a little"}})
        : 0;

}  // namespace
}  // namespace san
