#pragma once
#include <functional>
#include <string>
#include <vector>

#include "backend/onnx/onnx_graph.h"
#include "backend/types.h"

namespace san::onnx_ops {

using Values = std::vector<std::string>;

/// The network's ops as ONNX nodes, in the patterns that runtimes recognise and fuse. Values go by their
/// names; `at` names the nodes.
class Ops {
 public:
  explicit Ops(OnnxGraph& graph) : graph_(graph) {}

  std::string reshape(const std::string& at, const std::string& x, const std::vector<std::int64_t>& shape);
  std::string transpose(const std::string& at, const std::string& x, const std::vector<std::int64_t>& axes);
  std::string concat(const std::string& at, const Values& xs, std::int64_t axis);
  /// [begin, end): `end` a list of one integer, negative counts from the back.
  std::string slice(const std::string& at, const std::string& x, std::int64_t axis, std::int64_t begin,
                    const std::string& end);
  std::string matmul(const std::string& at, const std::string& a, const std::string& b);
  /// x brought to int8 at a scale and back: runtimes multiply such operands as integers. Each operand has a
  /// pair of nodes of its own: ONNX Runtime on x86 turns signed into unsigned bytes in no other form.
  std::string as_int8(const std::string& at, const std::string& x, float scale);
  /// The same of a matrix [in, out] that is stored so, with a scale for each column.
  std::string int8_matrix(const std::string& name, std::int64_t in, std::int64_t out,
                          const std::function<std::vector<float>()>& values);
  std::string softmax(const std::string& at, const std::string& x);
  std::string activation(const std::string& at, const std::string& x, Activation kind);
  /// Axis `axis` of x's shape as a list of one integer.
  std::string extent(const std::string& at, const std::string& x, std::int64_t axis);

  /// x [B, C, h, w]; `scale` for both sides, the result's are rounded down.
  std::string resize_by(const std::string& at, const std::string& x, float scale, Interpolation kernel);
  /// `target`: height and width, two integers.
  std::string resize_to(const std::string& at, const std::string& x, const std::string& target,
                        Interpolation kernel);
  /// The same for a source grid that is known, as two products with the matrices that resizing does. Runtimes
  /// resize hundreds of channels bicubically one by one, which costs more than a transformer block.
  std::string resize_by_products(const std::string& at, const std::string& x, Grid from,
                                 const std::string& target, Interpolation kernel);
  /// `target` unless it has as many cells as `from`, then that.
  std::string kept_by_count(const std::string& at, const std::string& target, Grid from);
  /// x [B, C, h, w] with windows of ratio × ratio that do not overlap.
  std::string max_pool(const std::string& at, const std::string& x, std::int64_t ratio);
  /// One axis from `from` to `to` cells, lists of one integer each. Window i is [⌊i·from/to⌋,
  /// ⌈(i+1)·from/to⌉): windows may overlap.
  std::string adaptive_max(const std::string& at, const std::string& x, std::int64_t axis,
                           const std::string& from, const std::string& to);
  /// Minus infinity right of the diagonal. `shape`: the number of tokens, twice.
  std::string causal_mask(const std::string& shape);
  /// 0, 1 … n − 1 for a list of one integer.
  std::string range(const std::string& at, const std::string& n);

 private:
  std::string resize(const std::string& at, const Values& inputs, Interpolation kernel);
  OnnxGraph& graph_;
};

}  // namespace san::onnx_ops
