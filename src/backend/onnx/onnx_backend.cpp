#include "backend/onnx/onnx_backend.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "backend/onnx/onnx_ops.h"

namespace san {
namespace {

using onnx_ops::Values;
constexpr std::int64_t kToTheEnd = std::numeric_limits<std::int64_t>::max();

/// A tensor of the recording: the name of its value as the network sees it, and where there is one, that of
/// the same as a map [B, C, h, w].
struct Recorded final : Storage {
  std::string name, map;
  std::vector<OnnxDim> dims;
  std::string parameter;  ///< it is this one, unchanged
};

struct RecordedWeight final : Storage {
  Param weight, bias;
  bool has_bias = false;
  LinearLayout layout = LinearLayout::kOutIn;
  std::string weight_name, bias_name;  ///< in the graph, once used
};

const Recorded& recorded(const Tensor& x) {
  return static_cast<const Recorded&>(*x.storage());
}

std::vector<float> transposed(const std::vector<float>& x, std::int64_t rows, std::int64_t columns) {
  std::vector<float> y(x.size());
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < columns; ++c)
      y[static_cast<std::size_t>(c * rows + r)] = x[static_cast<std::size_t>(r * columns + c)];
  return y;
}

class Recorder final : public OnnxBackend {
 public:
  Recorder(OnnxGraph& graph, OnnxRecording recording)
      : graph_(graph), recording_(std::move(recording)), ops_(graph) {}
  std::string name() const override { return "onnx"; }
  std::unique_ptr<Backend> fork(std::shared_ptr<ThreadPool>) const override {
    fail("onnx: a recording is one session");
  }
  const OnnxRecord& record() const override { return record_; }
  OnnxGraph& graph() override { return graph_; }

  Tensor map_input(const std::string& name, std::int64_t batch, std::int64_t channels, Grid size,
                   const std::vector<std::string>& names) override {
    const Shape shape{batch, channels, size.height, size.width};
    graph_.input(name, OnnxType::kFloat, described(pair(shape), names));
    return adopt_map(name, batch, channels, size);
  }

  Tensor input(const std::string& name, OnnxType type, const Shape& shape,
               const std::vector<std::string>& names) override {
    const std::vector<OnnxDim> dims = pair(shape);
    graph_.input(name, type, described(dims, names));
    for (std::size_t axis = 0; axis < dims.size(); ++axis)
      learn(dims[axis], name, static_cast<std::int64_t>(axis));
    return named(name, shape, dims);
  }

  Tensor adopt(const std::string& value, const Shape& shape) override {
    return named(value, shape, pair(shape));
  }
  Tensor adopt_map(const std::string& value, std::int64_t batch, std::int64_t channels, Grid size) override {
    const std::vector<OnnxDim> dims = pair({batch, channels, size.height, size.width});
    for (std::size_t axis = 0; axis < dims.size(); ++axis)
      learn(dims[axis], value, static_cast<std::int64_t>(axis));
    auto map = std::make_shared<Recorded>();
    map->map = value;
    map->dims = {dims[0], pair(size.tokens()), dims[1]};
    return {{batch, size.tokens(), channels}, std::move(map)};
  }
  std::string value(const Tensor& x) override { return plain(x); }
  std::string unfolded(const Tensor& x, Grid grid) override {
    const OnnxDim h = pair(grid.height), w = pair(grid.width);
    std::vector<OnnxDim> dims = recorded(x).dims;
    dims.pop_back();
    dims.push_back(h), dims.push_back(w);
    return reshaped(plain(x), recorded(x).dims, dims);
  }
  std::vector<OnnxExtent> extents(const Shape& shape, const std::vector<std::string>& names) override {
    return described(pair(shape), names);
  }

 private:
  // Sizes ------------------------------------------------------------------------------------------------

  OnnxDim pair(std::int64_t number) {
    record_.numbers.push_back(number);
    if (!recording_.other) return {number, number};
    const std::vector<std::int64_t>& other = recording_.other->numbers;
    require(record_.numbers.size() <= other.size(),
            "onnx ({}): the network takes another form at other sizes", scope());
    return {number, other[record_.numbers.size() - 1]};
  }
  std::vector<OnnxDim> pair(const Shape& shape) {
    require(pair(shape.rank()).fixed(), "onnx ({}): the network takes another form at other sizes", scope());
    std::vector<OnnxDim> dims;
    for (const std::int64_t extent : shape) dims.push_back(pair(extent));
    return dims;
  }
  std::int64_t fixed(std::int64_t number, const char* what) {
    const OnnxDim dim = pair(number);
    require(dim.fixed(), "onnx ({}): {} depends on the sizes of the inputs", scope(), what);
    return number;
  }

  /// From now on a number of this kind is known: axis `axis` of `value`.
  void learn(OnnxDim dim, const std::string& value, std::int64_t axis) {
    if (!dim.fixed()) known_.try_emplace(dim, Source{value, axis, {}});
  }
  /// The name of a one-element list of integers that holds the extent.
  std::string extent(OnnxDim dim) {
    if (dim.fixed()) return graph_.integers({dim.now});
    const auto found = known_.find(dim);
    require(found != known_.end(),
            "onnx ({}): an extent of {} (and {} in the other recording) is none of the inputs' or maps'",
            scope(), dim.now, dim.other);
    Source& source = found->second;
    if (source.list.empty()) source.list = ops_.extent("", source.value, source.axis);
    return source.list;
  }
  std::string extent_list(const std::vector<OnnxDim>& dims) {
    if (std::ranges::all_of(dims, [](const OnnxDim& d) { return d.fixed(); })) {
      std::vector<std::int64_t> numbers;
      for (const OnnxDim& d : dims) numbers.push_back(d.now);
      return graph_.integers(numbers);
    }
    Values parts;
    for (const OnnxDim& d : dims) parts.push_back(extent(d));
    return parts.size() == 1 ? parts[0] : ops_.concat(scope(), parts, 0);
  }
  static std::vector<OnnxExtent> described(const std::vector<OnnxDim>& dims,
                                           const std::vector<std::string>& names) {
    std::vector<OnnxExtent> extents;
    for (std::size_t i = 0; i < dims.size(); ++i)
      extents.push_back({dims[i].now, dims[i].fixed() ? "" : names.at(i)});
    return extents;
  }

  // Values -----------------------------------------------------------------------------------------------

  static Tensor named(std::string name, const Shape& shape, std::vector<OnnxDim> dims) {
    auto value = std::make_shared<Recorded>();
    value->name = std::move(name);
    value->dims = std::move(dims);
    return {shape, std::move(value)};
  }
  Tensor made(const std::string& name, const Shape& shape) { return named(name, shape, pair(shape)); }

  const std::string& plain(const Tensor& x) {
    auto& value = static_cast<Recorded&>(*x.storage());
    if (value.name.empty())
      value.name = ops_.transpose(scope(), ops_.reshape(scope(), value.map, {0, 0, -1}), {0, 2, 1});
    return value.name;
  }
  std::string map_of(const Tensor& x, OnnxDim height, OnnxDim width) {
    const Recorded& value = recorded(x);
    if (!value.map.empty()) return value.map;
    return reshaped(ops_.transpose(scope(), plain(x), {0, 2, 1}),
                    {value.dims[0], value.dims[2], value.dims[1]},
                    {value.dims[0], value.dims[2], height, width});
  }
  Tensor map_made(const std::string& name, const Shape& shape) {
    auto value = std::make_shared<Recorded>();
    value->map = name;
    value->dims = pair(shape);
    return {shape, std::move(value)};
  }

  std::string reshaped(const std::string& x, const std::vector<OnnxDim>& from,
                       const std::vector<OnnxDim>& to) {
    if (from == to) return x;
    std::vector<std::int64_t> numbers;
    int inferred = 0;
    for (std::size_t i = 0; i < to.size(); ++i) {
      const bool kept = i < from.size() && from[i] == to[i] && !to[i].fixed();
      if (!kept && !to[i].fixed()) ++inferred;
      numbers.push_back(kept ? 0 : to[i].fixed() ? to[i].now : -1);
    }
    if (inferred <= 1) return ops_.reshape(scope(), x, numbers);
    Values parts;
    for (std::size_t i = 0; i < to.size(); ++i)
      parts.push_back(numbers[i] == -1 ? extent(to[i]) : graph_.integers({numbers[i]}));
    return graph_.node(scope(), "Reshape", {x, ops_.concat(scope(), parts, 0)});
  }

  // Weights ----------------------------------------------------------------------------------------------

  static std::shared_ptr<RecordedWeight> keep(const Param& weight, const Param* bias,
                                              LinearLayout layout = LinearLayout::kOutIn) {
    auto kept = std::make_shared<RecordedWeight>();
    kept->weight = weight;
    kept->layout = layout;
    kept->has_bias = bias != nullptr;
    if (bias) kept->bias = *bias;
    return kept;
  }
  static RecordedWeight& weights(const std::shared_ptr<Storage>& data) {
    return static_cast<RecordedWeight&>(*data);
  }
  std::string vector(const Param& p) {
    return graph_.weight(p.name, p.shape(), [p] { return p.f32(); });
  }
  /// x · weight of a linear layer.
  std::string product(const std::string& at, const std::string& x, RecordedWeight& w, std::int64_t in,
                      std::int64_t out) {
    const float scale = recording_.int8_scale ? recording_.int8_scale(w.weight) : 0;
    if (w.weight_name.empty()) {
      const bool turn = w.layout == LinearLayout::kOutIn;
      const auto values = [p = w.weight, turn, in, out] {
        return turn ? transposed(p.f32(), out, in) : p.f32();
      };
      w.weight_name = scale > 0 ? ops_.int8_matrix(w.weight.name, in, out, values)
                                : graph_.weight(w.weight.name, {in, out}, values);
    }
    return ops_.matmul(at, scale > 0 ? ops_.as_int8(at, x, scale) : x, w.weight_name);
  }
  const std::string& bias(RecordedWeight& w) {
    if (w.bias_name.empty()) w.bias_name = vector(w.bias);
    return w.bias_name;
  }

  std::shared_ptr<Storage> do_prepare_linear(const Param& weight, const Param* bias,
                                             LinearLayout layout) override {
    return keep(weight, bias, layout);
  }
  std::shared_ptr<Storage> do_prepare_layer_norm(const Param& weight, const Param& bias, float) override {
    return keep(weight, &bias);
  }
  std::shared_ptr<Storage> do_prepare_patch_embed(const Param& weight, const Param* bias) override {
    return keep(weight, bias);
  }
  std::shared_ptr<Storage> do_prepare_table(const Param& table) override { return keep(table, nullptr); }
  Tensor do_prepare_tensor(const Param& value, const Shape& as) override {
    std::vector<OnnxDim> dims;
    for (const std::int64_t extent : as) dims.push_back({extent, extent});
    Tensor tensor = named(graph_.weight(value.name, as, [value] { return value.f32(); }), as, dims);
    static_cast<Recorded&>(*tensor.storage()).parameter = value.name;
    return tensor;
  }

  // Ops --------------------------------------------------------------------------------------------------

  Tensor do_from_host(const Shape& shape, std::span<const float> values) override {
    const std::string name =
        graph_.weight("constant", shape, [v = std::vector(values.begin(), values.end())] { return v; });
    Tensor made_here = made(name, shape);
    require(std::ranges::all_of(recorded(made_here).dims, [](const OnnxDim& d) { return d.fixed(); }),
            "onnx ({}): a constant's shape {} depends on the sizes of the inputs", scope(), shape);
    return made_here;
  }
  Tensor do_from_ids(const Shape&, std::span<const std::int32_t>) override {
    fail("onnx: token numbers are an input of the graph, not a part of it");
  }
  void do_to_host(const Tensor&, std::span<float>) override {
    fail("onnx ({}): a recording has no values; to_host cannot be recorded", scope());
  }

  Tensor do_reshape(const Tensor& x, const Shape& out) override {
    const std::vector<OnnxDim> dims = pair(out);
    return named(reshaped(plain(x), recorded(x).dims, dims), out, dims);
  }
  Tensor do_permute(const Tensor& x, std::span<const int> axes, const Shape& out) override {
    return made(ops_.transpose(scope(), plain(x), {axes.begin(), axes.end()}), out);
  }
  Tensor do_broadcast(const Tensor& x, const Shape& out) override {
    const std::vector<OnnxDim> dims = pair(out), &from = recorded(x).dims;
    if (dims == from) return x;
    std::vector<OnnxDim> target = dims;  // 1: keeps the operand's
    for (std::size_t i = 0; i < from.size(); ++i)
      if (auto& t = target[dims.size() - from.size() + i]; t == from[i]) t = {1, 1};
    return named(graph_.node(scope(), "Expand", {plain(x), extent_list(target)}), out, dims);
  }
  Tensor do_concat(std::span<const Tensor> xs, int axis, const Shape& out) override {
    Values parts;
    for (const Tensor& x : xs)
      if (x[axis] > 0) parts.push_back(plain(x));
    return made(parts.size() == 1 ? parts[0] : ops_.concat(scope(), parts, axis), out);
  }
  Tensor do_slice(const Tensor& x, int axis, std::int64_t begin, const Shape& out) override {
    fixed(begin, "where a slice begins");
    const OnnxDim end = pair(begin + out[axis]);
    const std::vector<OnnxDim> dims = pair(out);
    const OnnxDim whole = recorded(x).dims[static_cast<std::size_t>(axis)];
    if (begin == 0 && end == whole) return named(plain(x), out, dims);
    const std::string last = end == whole ? graph_.integers({kToTheEnd}) : extent(end);
    return named(ops_.slice(scope(), plain(x), axis, begin, last), out, dims);
  }
  Tensor do_add(const Tensor& a, const Tensor& b, const Shape& out) override {
    return made(graph_.node(scope(), "Add", {plain(a), plain(b)}), out);
  }
  Tensor do_mul(const Tensor& a, const Tensor& b, const Shape& out) override {
    return made(graph_.node(scope(), "Mul", {plain(a), plain(b)}), out);
  }
  Tensor do_activate(const Tensor& x, Activation kind) override {
    return made(ops_.activation(scope(), plain(x), kind), x.shape());
  }
  Tensor do_softmax(const Tensor& x) override { return made(ops_.softmax(scope(), plain(x)), x.shape()); }
  Tensor do_matmul(const Tensor& a, const Tensor& b, bool transpose_b, const Shape& out) override {
    std::string right = plain(b);
    if (transpose_b) {
      std::vector<std::int64_t> axes;
      for (int i = 0; i < b.shape().rank(); ++i) axes.push_back(i);
      std::swap(axes[axes.size() - 1], axes[axes.size() - 2]);
      right = ops_.transpose(scope(), right, axes);
    }
    return made(ops_.matmul(scope(), plain(a), right), out);
  }

  Tensor do_resize(const Tensor& x, const ResizeSpec& spec, const Shape& out) override {
    const OnnxDim from_h = pair(spec.from.height), from_w = pair(spec.from.width);
    const OnnxDim to_h = pair(spec.to.height), to_w = pair(spec.to.width);
    const std::string source = map_of(x, from_h, from_w);
    const std::string& parameter = recorded(x).parameter;
    if (!parameter.empty()) record_.resized.insert(parameter);
    if (spec.scale > 0) {
      const std::string scaled = ops_.resize_by(scope(), source, static_cast<float>(spec.scale), spec.kernel);
      learn(to_h, scaled, 2), learn(to_w, scaled, 3);
      return map_made(scaled, out);
    }
    std::string target = extent_list({to_h, to_w});
    const bool by_count = recording_.kept_by_count.contains(parameter);
    if (by_count) target = ops_.kept_by_count(scope(), target, spec.from);
    const bool products = spec.kernel == Interpolation::kBicubic && from_h.fixed() && from_w.fixed();
    const std::string resized = products
                                    ? ops_.resize_by_products(scope(), source, spec.from, target, spec.kernel)
                                    : ops_.resize_to(scope(), source, target, spec.kernel);
    if (!by_count) return map_made(resized, out);
    return made(ops_.transpose(scope(), ops_.reshape(scope(), resized, {0, 0, -1}), {0, 2, 1}), out);
  }

  Tensor do_adaptive_max_pool(const Tensor& x, Grid from, Grid to, const Shape& out) override {
    const OnnxDim h = pair(from.height), w = pair(from.width), to_h = pair(to.height), to_w = pair(to.width);
    const std::vector<OnnxDim> dims = pair(out);
    // [B, ..., h·w] → [B, C, h, w] for the operators on maps.
    std::int64_t rows = 1;
    for (int axis = 1; axis + 1 < x.shape().rank(); ++axis) rows *= x[axis];
    const OnnxDim batch = recorded(x).dims[0], channels = pair(rows);
    std::string map = reshaped(plain(x), recorded(x).dims, {batch, channels, h, w});
    const std::int64_t ratio = h.now / to_h.now;
    const auto divides = [&](OnnxDim a, OnnxDim b) {
      return a.now == ratio * b.now && a.other == ratio * b.other;
    };
    if (divides(h, to_h) && divides(w, to_w)) {
      map = ops_.max_pool(scope(), map, ratio);
    } else {
      map = ops_.adaptive_max(scope(), map, 2, extent(h), extent(to_h));
      map = ops_.adaptive_max(scope(), map, 3, extent(w), extent(to_w));
    }
    return named(reshaped(map, {batch, channels, to_h, to_w}, dims), out, dims);
  }

  Tensor do_embedding(const TableWeight& table, const Tensor& ids, const Shape& out) override {
    RecordedWeight& w = weights(table.data);
    if (w.weight_name.empty()) w.weight_name = vector(w.weight);
    return made(graph_.node(scope(), "Gather", {w.weight_name, plain(ids)}), out);
  }

  Tensor do_linear(const Tensor& x, const LinearWeight& w, const LinearOptions& options,
                   const Shape& out) override {
    RecordedWeight& data = weights(w.data);
    const std::string at = scope();
    std::string y = product(at, plain(x), data, w.in, w.out);
    if (w.has_bias) y = graph_.node(at, "Add", {y, bias(data)});
    y = ops_.activation(at, y, options.activation);
    if (options.residual) y = graph_.node(at, "Add", {y, plain(options.residual)});
    return made(y, out);
  }

  Tensor do_layer_norm(const Tensor& x, const NormWeight& w) override {
    RecordedWeight& data = weights(w.data);
    if (data.weight_name.empty()) data.weight_name = vector(data.weight);
    return made(graph_.node(scope(), "LayerNormalization", {plain(x), data.weight_name, bias(data)},
                            {{"axis", std::int64_t{-1}}, {"epsilon", w.eps}}),
                x.shape());
  }

  Tensor do_patch_embed(const Tensor& image, Grid grid, const PatchWeight& w, const Shape& out) override {
    RecordedWeight& data = weights(w.data);
    if (data.weight_name.empty()) data.weight_name = vector(data.weight);
    Values inputs{map_of(image, pair(grid.height), pair(grid.width)), data.weight_name};
    if (w.has_bias) inputs.push_back(bias(data));
    const std::vector<std::int64_t> patch{w.patch, w.patch};
    const std::string map =
        graph_.node(scope(), "Conv", inputs, {{"kernel_shape", patch}, {"strides", patch}});
    learn(pair(grid.height / w.patch), map, 2), learn(pair(grid.width / w.patch), map, 3);
    return map_made(map, out);
  }

  Tensor do_attention(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& o) override {
    const std::string at = scope();
    const std::int64_t width = q[2] / o.heads;
    const auto heads = [&](const Tensor& x, const std::vector<std::int64_t>& axes) {
      return ops_.transpose(at, ops_.reshape(at, plain(x), {0, 0, o.heads, width}), axes);
    };
    const std::string scale = graph_.number(1.0f / std::sqrt(static_cast<float>(width)));
    const std::string queries = graph_.node(at, "Mul", {heads(q, {0, 2, 1, 3}), scale});
    std::string scores = ops_.matmul(at, queries, heads(k, {0, 2, 3, 1}));  // [B, h, Tq, Tk]
    if (o.bias) scores = graph_.node(at, "Add", {scores, plain(o.bias)});
    if (o.causal) {
      const OnnxDim tokens = pair(k[1]);
      scores = graph_.node(at, "Add", {scores, causal_mask(tokens)});
    }
    std::string y;
    if (!o.self_key) {
      y = ops_.matmul(at, ops_.softmax(at, scores), heads(v, {0, 2, 1, 3}));
    } else {
      const std::string own = graph_.reduce(
          at, "ReduceSum", graph_.node(at, "Mul", {queries, heads(o.self_key, {0, 2, 1, 3})}), -1);
      const std::string p = ops_.softmax(at, ops_.concat(at, {scores, own}, -1));
      y = ops_.matmul(at, ops_.slice(at, p, -1, 0, graph_.integers({-1})), heads(v, {0, 2, 1, 3}));
      const std::string p_own = ops_.slice(at, p, -1, -1, graph_.integers({kToTheEnd}));
      y = graph_.node(at, "Add", {y, graph_.node(at, "Mul", {p_own, heads(o.self_value, {0, 2, 1, 3})})});
    }
    return made(ops_.reshape(at, ops_.transpose(at, y, {0, 2, 1, 3}), {0, 0, q[2]}), q.shape());
  }
  std::string causal_mask(OnnxDim tokens) {
    std::string& mask = causal_masks_[tokens];
    if (mask.empty()) mask = ops_.causal_mask(extent_list({tokens, tokens}));
    return mask;
  }

  Tensor do_tree_attention(const Tensor&, const Tensor&, const Tensor&, int, const TokenTree&,
                           std::span<const std::int32_t>) override {
    fail("onnx ({}): tree_attention depends on the prompts and cannot be recorded", scope());
  }

  Tensor do_l2_normalize(const Tensor& x) override {
    const std::string norm = graph_.reduce(scope(), "ReduceL2", plain(x), -1);
    return made(
        graph_.node(scope(), "Div", {plain(x), graph_.node(scope(), "Max", {norm, graph_.number(1e-12f)})}),
        x.shape());
  }

  // The last layer multiplied into the queries: queries [B, Q, E] · W [G, E, M] · hidden [B, T, M]ᵀ.
  Tensor do_attention_bias(const Tensor& queries, const Tensor& hidden, const GroupedLinearWeight& last,
                           const BiasScaling& scaling) override {
    const std::string at = scope();
    RecordedWeight& data = weights(last.data);
    const std::int64_t e = queries[2], m = hidden[2], groups = last.groups;
    if (data.weight_name.empty())
      data.weight_name =
          graph_.weight(data.weight.name, {groups, e, m}, [p = data.weight] { return p.f32(); });
    std::string asked = plain(queries);
    if (scaling.scale) asked = graph_.node(at, "Mul", {asked, plain(scaling.scale)});
    asked = graph_.node(at, "Unsqueeze", {asked, graph_.integers({1})});  // [B, 1, Q, E]
    const std::string folded = ops_.matmul(at, asked, data.weight_name);  // [B, G, Q, M]
    const std::string rows = ops_.reshape(at, folded, {0, groups * queries[1], m});
    std::string y = ops_.matmul(at, rows, ops_.transpose(at, plain(hidden), {0, 2, 1}));  // [B, G·Q, T]
    std::string constant;
    if (last.has_bias) {
      const std::string rows_of_groups = ops_.reshape(at, bias(data), {groups, e, 1});
      constant = ops_.reshape(at, ops_.matmul(at, asked, rows_of_groups), {0, groups * queries[1], 1});
    }
    if (scaling.shift)
      constant =
          constant.empty() ? plain(scaling.shift) : graph_.node(at, "Add", {constant, plain(scaling.shift)});
    if (!constant.empty()) y = graph_.node(at, "Add", {y, constant});
    const Shape out{queries[0], groups, queries[1], hidden[1]};
    const std::vector<OnnxDim> dims = pair(out);
    return named(ops_.reshape(at, y, {0, groups, queries[1], dims[3].fixed() ? hidden[1] : -1}), out, dims);
  }

  struct Source {
    std::string value;
    std::int64_t axis = 0;
    std::string list;  ///< once asked for
  };

  OnnxGraph& graph_;
  OnnxRecording recording_;
  OnnxRecord record_;
  onnx_ops::Ops ops_;
  std::map<OnnxDim, Source> known_;
  std::map<OnnxDim, std::string> causal_masks_;
};

}  // namespace

std::unique_ptr<OnnxBackend> make_onnx_backend(OnnxGraph& graph, OnnxRecording recording) {
  return std::make_unique<Recorder>(graph, std::move(recording));
}

}  // namespace san
