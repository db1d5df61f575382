#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "backend/onnx/onnx_graph.h"

namespace san {

/// An extent in this recording and in an earlier one at other sizes. What differs is a size that callers of
/// the graph choose, or follows from one.
struct OnnxDim {
  std::int64_t now = 0, other = 0;
  bool fixed() const { return now == other; }
  friend auto operator<=>(const OnnxDim&, const OnnxDim&) = default;
};

/// What a recording was asked, in order: the shapes and numbers that reach a backend.
struct OnnxRecord {
  std::vector<std::int64_t> numbers;
  std::set<std::string> resized;  ///< parameters that were resized
};

/// Leaves a graph of standard ONNX operators where other backends compute. Nothing has values; weights are
/// asked for when the graph is saved, and only those that it uses are in it.
///
/// Sizes reach a backend as numbers. For a graph whose sizes are free the network is recorded twice, at two
/// sizes that have nothing in common: numbers that are the same are constants, those that differ must be
/// extents that the graph itself can tell (of its inputs, or of what its convolutions and resizings leave).
/// Throws Error, naming the place, where a number differs and follows from nothing, where the network takes
/// another form at the other size, and for ops that cannot be recorded (to_host, tree_attention).
class OnnxBackend : public Backend {
 public:
  /// The record so far, to be given to the next recording.
  virtual const OnnxRecord& record() const = 0;

  /// An input of the graph. A map [B, 3, H, W] serves as tokens [B, H·W, 3].
  virtual Tensor map_input(const std::string& name, std::int64_t batch, std::int64_t channels, Grid size,
                           const std::vector<std::string>& names) = 0;
  virtual Tensor input(const std::string& name, OnnxType type, const Shape& shape,
                       const std::vector<std::string>& names) = 0;
  /// A value of the graph as a tensor of the network: what was made with OnnxGraph's nodes.
  virtual Tensor adopt(const std::string& value, const Shape& shape) = 0;
  /// The same of a map [batch, channels, h, w], whose sides are free where they differ between recordings.
  virtual Tensor adopt_map(const std::string& value, std::int64_t batch, std::int64_t channels,
                           Grid size) = 0;
  /// The value's name in the graph. As a map [..., h, w] its last axis is unfolded.
  virtual std::string value(const Tensor& x) = 0;
  virtual std::string unfolded(const Tensor& x, Grid grid) = 0;
  /// The extents of a tensor for OnnxGraph::output; free ones are called by `names`.
  virtual std::vector<OnnxExtent> extents(const Shape& shape, const std::vector<std::string>& names) = 0;
  virtual OnnxGraph& graph() = 0;
};

struct OnnxRecording {
  const OnnxRecord* other = nullptr;  ///< of the same network at other sizes; null: every size is fixed
  /// Parameters whose resize keeps them when the number of cells stays the same, whatever the shape.
  std::set<std::string> kept_by_count;
  /// Of what the linear layer with this weight multiplies: both operands become int8 (src/quantize); 0: as
  /// they are. Null: none is.
  std::function<float(const Param& weight)> int8_scale = nullptr;
};

/// Records into `graph`, which must outlive it.
std::unique_ptr<OnnxBackend> make_onnx_backend(OnnxGraph& graph, OnnxRecording recording = {});

}  // namespace san
