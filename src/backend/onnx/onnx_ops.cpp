#include "backend/onnx/onnx_ops.h"

#include <limits>
#include <numbers>

#include "quantize/quantizer.h"

namespace san::onnx_ops {

std::string Ops::reshape(const std::string& at, const std::string& x,
                         const std::vector<std::int64_t>& shape) {
  return graph_.node(at, "Reshape", {x, graph_.integers(shape)});
}

std::string Ops::transpose(const std::string& at, const std::string& x,
                           const std::vector<std::int64_t>& axes) {
  return graph_.node(at, "Transpose", {x}, {{"perm", axes}});
}

std::string Ops::concat(const std::string& at, const Values& xs, std::int64_t axis) {
  return graph_.node(at, "Concat", xs, {{"axis", axis}});
}

std::string Ops::slice(const std::string& at, const std::string& x, std::int64_t axis, std::int64_t begin,
                       const std::string& end) {
  return graph_.node(at, "Slice", {x, graph_.integers({begin}), end, graph_.integers({axis})});
}

std::string Ops::matmul(const std::string& at, const std::string& a, const std::string& b) {
  return graph_.node(at, "MatMul", {a, b});
}

std::string Ops::as_int8(const std::string& at, const std::string& x, float scale) {
  const std::string step = graph_.number(scale), zero = graph_.zero_point();
  return graph_.node(at, "DequantizeLinear",
                     {graph_.node(at, "QuantizeLinear", {x, step, zero}), step, zero});
}

std::string Ops::int8_matrix(const std::string& name, std::int64_t in, std::int64_t out,
                             const std::function<std::vector<float>()>& values) {
  const auto matrix = [values, in, out] { return quantize_matrix(values(), in, out); };
  const std::string integers = graph_.int8_weight(name, {in, out}, [matrix] { return matrix().integers; });
  const std::string scales = graph_.weight(name + "_scale", {out}, [matrix] { return matrix().scales; });
  return graph_.node(name, "DequantizeLinear", {integers, scales}, {{"axis", std::int64_t{1}}});
}

std::string Ops::softmax(const std::string& at, const std::string& x) {
  return graph_.node(at, "Softmax", {x}, {{"axis", std::int64_t{-1}}});
}

std::string Ops::activation(const std::string& at, const std::string& x, Activation kind) {
  const auto node = [&](const char* op, const Values& inputs) { return graph_.node(at, op, inputs); };
  switch (kind) {
    case Activation::kNone:
      return x;
    case Activation::kRelu:
      return node("Relu", {x});
    case Activation::kSigmoid:
      return node("Sigmoid", {x});
    case Activation::kExp:
      return node("Exp", {x});
    case Activation::kQuickGelu:
      return node("Mul", {x, node("Sigmoid", {node("Mul", {x, graph_.number(1.702f)})})});
    case Activation::kGelu: {
      if (graph_.opset() >= 20) return node("Gelu", {x});
      const std::string erf = node("Erf", {node("Div", {x, graph_.number(std::numbers::sqrt2_v<float>)})});
      return node("Mul", {node("Mul", {x, node("Add", {erf, graph_.number(1)})}), graph_.number(0.5f)});
    }
    case Activation::kInverseNorm:
      return node("Reciprocal", {node("Max", {node("Sqrt", {x}), graph_.number(1e-12f)})});
  }
  return x;
}

std::string Ops::extent(const std::string& at, const std::string& x, std::int64_t axis) {
  return graph_.node(at, "Gather", {graph_.node(at, "Shape", {x}), graph_.integers({axis})});
}

std::string Ops::resize(const std::string& at, const Values& inputs, Interpolation kernel) {
  if (kernel == Interpolation::kBilinear)
    return graph_.node(
        at, "Resize", inputs,
        {{"mode", std::string("linear")}, {"coordinate_transformation_mode", std::string("half_pixel")}});
  return graph_.node(at, "Resize", inputs,
                     {{"mode", std::string("cubic")},
                      {"cubic_coeff_a", -0.75f},
                      {"coordinate_transformation_mode", std::string("half_pixel")}});
}

std::string Ops::resize_by(const std::string& at, const std::string& x, float scale, Interpolation kernel) {
  const std::string scales = graph_.weight("scales", {4}, [scale] {
    return std::vector<float>{1, 1, scale, scale};
  });
  return resize(at, {x, "", scales}, kernel);
}

std::string Ops::resize_to(const std::string& at, const std::string& x, const std::string& target,
                           Interpolation kernel) {
  const std::string leading =
      slice(at, graph_.node(at, "Shape", {x}), 0, 0, graph_.integers({2}));  // batch and channels
  return resize(at, {x, "", "", concat(at, {leading, target}, 0)}, kernel);
}

std::string Ops::resize_by_products(const std::string& at, const std::string& x, Grid from,
                                    const std::string& target, Interpolation kernel) {
  const auto unit = [&](std::int64_t n) {
    return graph_.weight("unit_matrix", {1, 1, n, n}, [n] {
      std::vector<float> values(static_cast<std::size_t>(n * n));
      for (std::int64_t i = 0; i < n; ++i) values[static_cast<std::size_t>(i * (n + 1))] = 1;
      return values;
    });
  };
  const std::string rows = slice(at, target, 0, 0, graph_.integers({1}));
  const std::string columns = slice(at, target, 0, 1, graph_.integers({2}));
  const std::string by_rows = concat(at, {graph_.integers({1, 1}), rows, graph_.integers({from.height})}, 0);
  const std::string by_columns =
      concat(at, {graph_.integers({1, 1}), graph_.integers({from.width}), columns}, 0);
  const std::string left = resize(at, {unit(from.height), "", "", by_rows}, kernel);
  const std::string right = resize(at, {unit(from.width), "", "", by_columns}, kernel);
  return matmul(at, matmul(at, left, x), right);
}

std::string Ops::kept_by_count(const std::string& at, const std::string& target, Grid from) {
  const std::string cells =
      graph_.node(at, "ReduceProd", {target}, {{"keepdims", std::int64_t{1}}});  // over all axes
  return graph_.node(at, "Where",
                     {graph_.node(at, "Equal", {cells, graph_.integers({from.tokens()})}),
                      graph_.integers({from.height, from.width}), target});
}

std::string Ops::max_pool(const std::string& at, const std::string& x, std::int64_t ratio) {
  const std::vector<std::int64_t> window{ratio, ratio};
  return graph_.node(at, "MaxPool", {x}, {{"kernel_shape", window}, {"strides", window}});
}

std::string Ops::range(const std::string& at, const std::string& n) {
  const std::string scalar = graph_.node(at, "Squeeze", {n, graph_.integers({0})});
  return graph_.node(at, "Range", {graph_.integer(0), scalar, graph_.integer(1)});
}

std::string Ops::adaptive_max(const std::string& at, const std::string& x, std::int64_t axis,
                              const std::string& from, const std::string& to) {
  const auto node = [&](const char* op, const Values& inputs) { return graph_.node(at, op, inputs); };
  const std::string one = graph_.integers({1});
  const std::string i = range(at, to);
  const std::string begin = node("Div", {node("Mul", {i, from}), to});
  const std::string end =
      node("Div", {node("Sub", {node("Add", {node("Mul", {node("Add", {i, one}), from}), to}), one}), to});
  // As many columns as the widest window has cells; what a narrower one lacks repeats its last cell.
  const std::string widest = graph_.node(at, "ReduceMax", {node("Sub", {end, begin})},
                                         {{"keepdims", std::int64_t{1}}});  // over all axes
  const std::string column = graph_.integers({1});
  const std::string cells =
      node("Min", {node("Add", {node("Unsqueeze", {begin, column}), range(at, widest)}),
                   node("Unsqueeze", {node("Sub", {end, one}), column})});  // [to, widest]
  const std::string windows = graph_.node(at, "Gather", {x, cells}, {{"axis", axis}});
  // The gathered axis became two.
  const std::string top = graph_.reduce(at, "ReduceMax", windows, axis + 1);
  return node("Squeeze", {top, graph_.integers({axis + 1})});
}

std::string Ops::causal_mask(const std::string& shape) {
  const std::string minus_infinity = graph_.number(-std::numeric_limits<float>::infinity());
  const std::string full = graph_.node("causal_mask", "Expand", {minus_infinity, shape});
  return graph_.node("causal_mask", "Trilu", {full, graph_.integer(1)}, {{"upper", std::int64_t{1}}});
}

}  // namespace san::onnx_ops
