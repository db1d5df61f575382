// Every op of the suite that all backends pass, recorded and run in ONNX Runtime.
#include <gtest/gtest.h>

#include "backend/backend_suite/suite.h"
#include "backend/forwarding_backend.h"
#include "backend/onnx/onnx_backend.h"
#include "export/runtime_for_tests.h"

namespace san {
namespace {

/// Records, and where values are asked for runs what it has recorded.
class Executed final : public ForwardingBackend {
 public:
  std::string name() const override { return "executed onnx"; }
  std::unique_ptr<Backend> fork(std::shared_ptr<ThreadPool>) const override {
    return std::make_unique<Executed>();
  }

 private:
  Backend& inner() const override { return *b_; }
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

  // No graph of ours has it; its definition is in ops that graphs have.
  Tensor do_tree_attention(const Tensor& q, const Tensor& k, const Tensor& v, int heads,
                           const TokenTree& tree, std::span<const std::int32_t> asking) override {
    return Backend::do_tree_attention(q, k, v, heads, tree, asking);
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
