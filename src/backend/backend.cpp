#include "backend/backend.h"

#include <algorithm>
#include <array>
#include <chrono>

namespace san {

Shape Param::shape() const {
  Shape s = value.shape;
  if (!whole()) s.set(0, (row_end < 0 ? s[0] : row_end) - row_begin);
  return s;
}

std::int64_t Param::row_bytes() const {
  return value.shape.elements(1, value.shape.rank()) * dtype_bytes(value.dtype);
}

HostArray Param::stored() const {
  if (!read && whole()) return value;
  HostArray rows{value.dtype, shape(), nullptr};
  if (read) {
    const auto memory = std::make_shared_for_overwrite<std::byte[]>(static_cast<std::size_t>(rows.bytes()));
    read(row_begin, row_begin + rows.shape[0], memory.get());
    rows.data = {memory, memory.get()};
  } else {
    rows.data = {value.data, value.data.get() + row_begin * row_bytes()};
  }
  return rows;
}

std::vector<float> Param::f32() const {
  return stored().to_f32();
}

std::vector<std::int32_t> TokenTree::depths() const {
  std::vector<std::int32_t> depths;
  for (const std::int32_t parent : parents)
    depths.push_back(parent < 0 ? 0 : depths[static_cast<std::size_t>(parent)] + 1);
  return depths;
}

namespace {

/// Which op a message is about: becomes text only when there is one.
struct OpName {
  const Backend& backend;
  const char* op;
  std::string_view weight = {};

  std::string where() const { return weight.empty() ? backend.scope() : std::string(weight); }
};

}  // namespace
}  // namespace san

template <>
struct fmt::formatter<san::OpName> {
  constexpr auto parse(format_parse_context& context) { return context.begin(); }
  auto format(const san::OpName& name, format_context& context) const {
    return fmt::format_to(context.out(), "{} ({})", name.op, name.where());
  }
};

namespace san {
namespace {

// Result extents of numpy broadcasting.
Shape broadcast_shapes(const Shape& a, const Shape& b, const OpName& op) {
  const int rank = std::max(a.rank(), b.rank());
  std::array<std::int64_t, Shape::kMaxRank> extents{};
  for (int i = 1; i <= rank; ++i) {
    const std::int64_t x = i <= a.rank() ? a[-i] : 1, y = i <= b.rank() ? b[-i] : 1;
    require(x == y || x == 1 || y == 1, "{}: shapes {} and {} do not broadcast", op, a, b);
    extents[static_cast<std::size_t>(rank - i)] = x == 1 ? y : x;
  }
  return Shape(std::span(extents).first(static_cast<std::size_t>(rank)));
}

}  // namespace

std::string Backend::scope() const {
  std::string joined;
  for (const Scope* s = scope_; s; s = s->outer_) {
    std::string part = s->name_;
    if (s->index_ >= 0) part.append(1, '.').append(std::to_string(s->index_));
    if (!joined.empty()) part.append(1, '.').append(joined);
    joined = std::move(part);
  }
  return joined;
}

template <class Run>
auto Backend::run(const char* op, std::string_view name, const Shape& out, std::int64_t macs,
                  std::int64_t elements, Run&& body) {
  struct Depth {
    int& depth;
    explicit Depth(int& d) : depth(d) { ++depth; }
    ~Depth() { --depth; }
  };
  if (cancelled_ && cancelled_->load(std::memory_order_relaxed)) [[unlikely]]
    throw Cancelled(fmt::format("cancelled before {}", OpName{*this, op, name}));
  if (!observer_) {
    const Depth guard(depth_);
    return body();
  }
  const auto start = std::chrono::steady_clock::now();
  auto result = [&] {
    const Depth guard(depth_);
    return body();
  }();
  synchronize();
  const double ms =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  observer_({op, OpName{*this, op, name}.where(), out, macs,
             (elements + out.elements()) * static_cast<std::int64_t>(sizeof(float)), ms, depth_});
  return result;
}

// Weights
// ------------------------------------------------------------------------------------------------------------

LinearWeight Backend::prepare_linear(const Param& weight, const Param* bias, LinearLayout layout) {
  const Shape s = weight.shape();
  require(s.rank() >= 2 && s.elements(2, s.rank()) == 1, "{}: expected a matrix, got shape {}", weight.name,
          s);
  require(layout == LinearLayout::kOutIn || weight.whole(),
          "{}: rows of an [in, out] matrix cannot be selected", weight.name);
  const bool out_in = layout == LinearLayout::kOutIn;
  LinearWeight w{weight.name, out_in ? s[1] : s[0], out_in ? s[0] : s[1], bias != nullptr, nullptr};
  if (bias) {
    require(bias->shape() == Shape{w.out}, "{}: expected shape [{}], got {}", bias->name, w.out,
            bias->shape());
  }
  w.data = do_prepare_linear(weight, bias, layout);
  return w;
}

GroupedLinearWeight Backend::prepare_grouped_linear(const Param& weight, const Param* bias, int groups) {
  const Shape s = weight.shape();
  require(groups > 0 && s.rank() >= 2 && s.elements(2, s.rank()) == 1 && s[0] % groups == 0,
          "{}: expected a matrix whose rows form {} groups, got shape {}", weight.name, groups, s);
  if (bias)
    require(bias->shape() == Shape{s[0]}, "{}: expected shape [{}], got {}", bias->name, s[0], bias->shape());
  return {weight.name, s[1], s[0], groups, bias != nullptr, do_prepare_grouped_linear(weight, bias, groups)};
}

NormWeight Backend::prepare_layer_norm(const Param& weight, const Param& bias, float eps) {
  const Shape s = weight.shape();
  require(s.rank() == 1 && bias.shape() == s, "{}: expected two vectors of one length, got {} and {}",
          weight.name, s, bias.shape());
  return {weight.name, s[0], eps, do_prepare_layer_norm(weight, bias, eps)};
}

PatchWeight Backend::prepare_patch_embed(const Param& weight, const Param* bias) {
  const Shape s = weight.shape();
  require(s.rank() == 4 && s[2] == s[3] && s[2] > 0, "{}: expected [out, in, p, p], got {}", weight.name, s);
  if (bias)
    require(bias->shape() == Shape{s[0]}, "{}: expected shape [{}], got {}", bias->name, s[0], bias->shape());
  return {weight.name, s[2], s[1], s[0], bias != nullptr, do_prepare_patch_embed(weight, bias)};
}

TableWeight Backend::prepare_table(const Param& table) {
  const Shape s = table.shape();
  require(s.rank() == 2, "{}: expected a matrix, got {}", table.name, s);
  return {table.name, s[0], s[1], do_prepare_table(table)};
}

Tensor Backend::prepare_tensor(const Param& value, const Shape& as) {
  require(value.shape().elements() == as.elements(), "{}: shape {} cannot be viewed as {}", value.name,
          value.shape(), as);
  return do_prepare_tensor(value, as);
}

// Values
// -------------------------------------------------------------------------------------------------------------

Tensor Backend::from_host(const Shape& shape, std::span<const float> values) {
  require(shape.elements() == static_cast<std::int64_t>(values.size()), "from_host: shape {} but {} values",
          shape, values.size());
  return do_from_host(shape, values);
}

Tensor Backend::from_host(const Shape& shape, const std::function<void(std::span<float>)>& fill) {
  return do_filled(shape, fill);
}

Tensor Backend::from_ids(const Shape& shape, std::span<const std::int32_t> ids) {
  require(shape.elements() == static_cast<std::int64_t>(ids.size()), "from_ids: shape {} but {} values",
          shape, ids.size());
  return do_from_ids(shape, ids);
}

std::vector<float> Backend::to_host(const Tensor& x) {
  std::vector<float> values(static_cast<std::size_t>(x.shape().elements()));
  do_to_host(x, values);
  return values;
}

void Backend::to_host(const Tensor& x, std::span<float> values) {
  require(x.shape().elements() == static_cast<std::int64_t>(values.size()),
          "to_host: shape {} into {} values", x.shape(), values.size());
  do_to_host(x, values);
}

// Plain ops
// ----------------------------------------------------------------------------------------------------------

Tensor Backend::reshape(const Tensor& x, const Shape& shape) {
  require(x.shape().elements() == shape.elements(), "{}: {} cannot become {}", OpName{*this, "reshape"},
          x.shape(), shape);
  return run("reshape", {}, shape, 0, 0, [&] { return do_reshape(x, shape); });
}

Tensor Backend::permute(const Tensor& x, std::span<const int> axes) {
  const int rank = x.shape().rank();
  require(static_cast<int>(axes.size()) == rank, "{}: {} axes for shape {}", OpName{*this, "permute"},
          axes.size(), x.shape());
  Shape out = x.shape();
  unsigned seen = 0;
  for (int i = 0; i < rank; ++i) {
    const int axis = axes[static_cast<std::size_t>(i)];
    require(axis >= 0 && axis < rank && !(seen & 1u << axis), "{}: axes are not a permutation",
            OpName{*this, "permute"});
    seen |= 1u << axis;
    out.set(i, x[axis]);
  }
  return run("permute", {}, out, 0, out.elements(), [&] { return do_permute(x, axes, out); });
}

Tensor Backend::broadcast(const Tensor& x, const Shape& shape) {
  require(broadcast_shapes(x.shape(), shape, OpName{*this, "broadcast"}) == shape, "{}: {} cannot become {}",
          OpName{*this, "broadcast"}, x.shape(), shape);
  return run("broadcast", {}, shape, 0, x.shape().elements(), [&] { return do_broadcast(x, shape); });
}

Tensor Backend::concat(std::span<const Tensor> xs, int axis) {
  require(!xs.empty(), "{}: nothing to join", OpName{*this, "concat"});
  Shape out = xs[0].shape();
  axis = out.checked(axis);
  for (std::size_t i = 1; i < xs.size(); ++i) {
    Shape expected = out;
    expected.set(axis, xs[i].shape().rank() == out.rank() ? xs[i][axis] : 0);
    require(xs[i].shape() == expected, "{}: {} does not join {} along axis {}", OpName{*this, "concat"},
            xs[i].shape(), xs[0].shape(), axis);
    out.set(axis, out[axis] + xs[i][axis]);
  }
  return run("concat", {}, out, 0, out.elements(), [&] { return do_concat(xs, axis, out); });
}

Tensor Backend::slice(const Tensor& x, int axis, std::int64_t begin, std::int64_t end) {
  axis = x.shape().checked(axis);
  require(0 <= begin && begin <= end && end <= x[axis], "{}: [{}, {}) is outside axis {} of {}",
          OpName{*this, "slice"}, begin, end, axis, x.shape());
  Shape out = x.shape();
  out.set(axis, end - begin);
  return run("slice", {}, out, 0, out.elements(), [&] { return do_slice(x, axis, begin, out); });
}

Tensor Backend::add(const Tensor& a, const Tensor& b) {
  const Shape out = broadcast_shapes(a.shape(), b.shape(), OpName{*this, "add"});
  return run("add", {}, out, 0, a.shape().elements() + b.shape().elements(),
             [&] { return do_add(a, b, out); });
}

Tensor Backend::mul(const Tensor& a, const Tensor& b) {
  const Shape out = broadcast_shapes(a.shape(), b.shape(), OpName{*this, "mul"});
  return run("mul", {}, out, 0, a.shape().elements() + b.shape().elements(),
             [&] { return do_mul(a, b, out); });
}

Tensor Backend::activate(const Tensor& x, Activation kind) {
  return run("activate", {}, x.shape(), 0, x.shape().elements(), [&] { return do_activate(x, kind); });
}

Tensor Backend::softmax(const Tensor& x) {
  require(x.shape().rank() > 0 && x[-1] > 0, "{}: empty last axis in {}", OpName{*this, "softmax"},
          x.shape());
  return run("softmax", {}, x.shape(), 0, x.shape().elements(), [&] { return do_softmax(x); });
}

Tensor Backend::matmul(const Tensor& a, const Tensor& b, bool transpose_b) {
  const Shape &sa = a.shape(), &sb = b.shape();
  require(sa.rank() >= 2 && sb.rank() >= 2, "{}: {} × {} needs two matrices", OpName{*this, "matmul"}, sa,
          sb);
  const std::int64_t inner = sb[transpose_b ? -1 : -2], n = sb[transpose_b ? -2 : -1];
  require(sa[-1] == inner, "{}: inner sizes of {} and {} differ", OpName{*this, "matmul"}, sa, sb);
  Shape ba = sa, bb = sb;
  for (const int axis : {-1, -2}) ba.set(axis, 1), bb.set(axis, 1);
  Shape out = broadcast_shapes(ba, bb, OpName{*this, "matmul"});
  out.set(-2, sa[-2]), out.set(-1, n);
  return run("matmul", {}, out, out.elements() * inner, sa.elements() + sb.elements(),
             [&] { return do_matmul(a, b, transpose_b, out); });
}

Tensor Backend::resize(const Tensor& x, const ResizeSpec& spec) {
  require(x.shape().rank() == 3 && x[1] == spec.from.tokens(), "{}: {} is not a map of {}×{}",
          OpName{*this, "resize"}, x.shape(), spec.from.height, spec.from.width);
  require(spec.from.tokens() > 0 && spec.to.tokens() > 0, "{}: empty map", OpName{*this, "resize"});
  const Shape out{x[0], spec.to.tokens(), x[2]};
  return run("resize", {}, out, 0, x.shape().elements(), [&] { return do_resize(x, spec, out); });
}

Tensor Backend::adaptive_max_pool(const Tensor& x, Grid from, Grid to) {
  require(x.shape().rank() >= 1 && x[-1] == from.tokens() && from.tokens() > 0 && to.tokens() > 0,
          "{}: {} is not a stack of maps of {}×{}", OpName{*this, "adaptive_max_pool"}, x.shape(),
          from.height, from.width);
  Shape out = x.shape();
  out.set(-1, to.tokens());
  return run("adaptive_max_pool", {}, out, 0, x.shape().elements(),
             [&] { return do_adaptive_max_pool(x, from, to, out); });
}

Tensor Backend::embedding(const TableWeight& table, const Tensor& ids) {
  require(ids.shape().rank() == 2, "{}: expected ids [B, T], got {}", OpName{*this, "embedding"},
          ids.shape());
  const Shape out{ids[0], ids[1], table.width};
  return run("embedding", table.name, out, 0, out.elements(), [&] { return do_embedding(table, ids, out); });
}

// Ops on prepared weights
// ---------------------------------------------------------------------------------------------

Tensor Backend::linear(const Tensor& x, const LinearWeight& w, const LinearOptions& options) {
  require(x.shape().rank() >= 2 && x[-1] == w.in, "{}: expected [..., {}], got {}",
          OpName{*this, "linear", w.name}, w.in, x.shape());
  Shape out = x.shape();
  out.set(-1, w.out);
  require(!options.residual || options.residual.shape() == out, "{}: residual {} does not match {}",
          OpName{*this, "linear", w.name}, options.residual.shape(), out);
  return run("linear", w.name, out, out.elements() * w.in, x.shape().elements() + w.in * w.out,
             [&] { return do_linear(x, w, options, out); });
}

Tensor Backend::layer_norm(const Tensor& x, const NormWeight& w) {
  require(x.shape().rank() >= 1 && x[-1] == w.channels, "{}: expected [..., {}], got {}",
          OpName{*this, "layer_norm", w.name}, w.channels, x.shape());
  return run("layer_norm", w.name, x.shape(), 0, x.shape().elements(), [&] { return do_layer_norm(x, w); });
}

Tensor Backend::patch_embed(const Tensor& image, Grid grid, const PatchWeight& w) {
  require(image.shape().rank() == 3 && image[1] == grid.tokens() && image[2] == w.in,
          "{}: expected [B, {}, {}], got {}", OpName{*this, "patch_embed", w.name}, grid.tokens(), w.in,
          image.shape());
  require(grid.height >= w.patch && grid.width >= w.patch, "{}: image {}×{} is smaller than a patch of {}",
          OpName{*this, "patch_embed", w.name}, grid.height, grid.width, w.patch);
  const Shape out{image[0], (grid.height / w.patch) * (grid.width / w.patch), w.out};
  return run("patch_embed", w.name, out, out.elements() * w.patch * w.patch * w.in,
             image.shape().elements() + w.patch * w.patch * w.in * w.out,
             [&] { return do_patch_embed(image, grid, w, out); });
}

// Composites
// -----------------------------------------------------------------------------------------------------------

Tensor Backend::attention(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& o) {
  const OpName at{*this, "attention"};
  require(q.shape().rank() == 3 && k.shape().rank() == 3 && k.shape() == v.shape() && q[0] == k[0] &&
              q[2] == k[2],
          "{}: q {}, k {}, v {} do not fit", at, q.shape(), k.shape(), v.shape());
  require(o.heads > 0 && q[2] % o.heads == 0, "{}: {} channels do not split into {} heads", at, q[2],
          o.heads);
  require(!o.causal || q[1] == k[1], "{}: causal attention needs as many queries as keys", at);
  const Shape scores{q[0], o.heads, q[1], k[1]};
  require(!o.bias || broadcast_shapes(o.bias.shape(), scores, at) == scores,
          "{}: bias {} does not broadcast to {}", at, o.bias.shape(), scores);
  require(!o.self_key == !o.self_value &&
              (!o.self_key || (o.self_key.shape() == q.shape() && o.self_value.shape() == q.shape())),
          "{}: self key and value must both be {}", at, q.shape());
  const std::int64_t keys = k[1] + (o.self_key ? 1 : 0);
  return run("attention", {}, q.shape(), 2 * q.shape().elements() * keys,
             q.shape().elements() + 2 * k.shape().elements() + (o.bias ? o.bias.shape().elements() : 0),
             [&] { return do_attention(q, k, v, o); });
}

Tensor Backend::tree_attention(const Tensor& q, const Tensor& k, const Tensor& v, int heads,
                               const TokenTree& tree, std::span<const std::int32_t> asking) {
  const OpName at{*this, "tree_attention"};
  require(q.shape().rank() == 3 && k.shape().rank() == 3 && k.shape() == v.shape() && q[0] == 1 &&
              k[0] == 1 && q[2] == k[2],
          "{}: q {}, k {}, v {} do not fit; expected one item each", at, q.shape(), k.shape(), v.shape());
  require(heads > 0 && q[2] % heads == 0, "{}: {} channels do not split into {} heads", at, q[2], heads);
  const auto tokens = static_cast<std::int64_t>(tree.parents.size());
  require(tokens == k[1], "{}: a tree of {} tokens for {} keys", at, tokens, k[1]);
  const std::int64_t queries = asking.empty() ? tokens : static_cast<std::int64_t>(asking.size());
  require(queries == q[1], "{}: {} tokens ask with {} queries", at, queries, q[1]);
  for (std::int64_t i = 0; i < tokens; ++i) {
    const std::int64_t parent = tree.parents[static_cast<std::size_t>(i)];
    require(parent >= -1 && parent < i, "{}: token {} follows token {}", at, i, parent);
  }
  for (const std::int64_t token : asking)
    require(token >= 0 && token < tokens, "{}: token {} of {} asks", at, token, tokens);
  return run("tree_attention", {}, q.shape(), tree_attention_macs(q[2], tree, asking),
             q.shape().elements() + 2 * k.shape().elements(),
             [&] { return do_tree_attention(q, k, v, heads, tree, asking); });
}

Tensor Backend::mlp(const Tensor& x, const LinearWeight& fc1, Activation activation, const LinearWeight& fc2,
                    const Tensor& residual) {
  require(x.shape().rank() >= 2 && x[-1] == fc1.in && fc1.out == fc2.in,
          "{}: {} does not pass through {}→{}, {}→{}", OpName{*this, "mlp", fc1.name}, x.shape(), fc1.in,
          fc1.out, fc2.in, fc2.out);
  Shape out = x.shape();
  out.set(-1, fc2.out);
  require(!residual || residual.shape() == out, "{}: residual {} does not match {}",
          OpName{*this, "mlp", fc1.name}, residual.shape(), out);
  const std::int64_t weights = fc1.in * fc1.out + fc2.in * fc2.out;
  return run("mlp", fc1.name, out, x.shape().elements() / x[-1] * weights, x.shape().elements() + weights,
             [&] { return do_mlp(x, fc1, activation, fc2, residual); });
}

Normed Backend::add_layer_norm(const Tensor& x, const Tensor& y, const NormWeight& w) {
  const Shape out = broadcast_shapes(x.shape(), y.shape(), OpName{*this, "add_layer_norm", w.name});
  require(out == x.shape() && out[-1] == w.channels, "{}: {} + {} is not [..., {}]",
          OpName{*this, "add_layer_norm", w.name}, x.shape(), y.shape(), w.channels);
  return run("add_layer_norm", w.name, out, 0, 2 * out.elements() + y.shape().elements(),
             [&] { return do_add_layer_norm(x, y, w); });
}

Tensor Backend::l2_normalize(const Tensor& x) {
  return run("l2_normalize", {}, x.shape(), 0, x.shape().elements(), [&] { return do_l2_normalize(x); });
}

namespace {

template <class Name>
void require_bias_fits(const Name& at, const Tensor& queries, const Tensor& hidden,
                       const GroupedLinearWeight& last, const BiasScaling& scaling) {
  require(queries.shape().rank() == 3 && hidden.shape().rank() == 3 && queries[0] == hidden[0] &&
              hidden[2] == last.in && last.out == last.groups * queries[2],
          "{}: queries {}, hidden {} and {}→{} do not fit {} groups", at, queries.shape(), hidden.shape(),
          last.in, last.out, last.groups);
  require(!scaling.scale == !scaling.shift &&
              (!scaling.scale || (scaling.scale.shape() == Shape{1} && scaling.shift.shape() == Shape{1})),
          "{}: scaling must be two single values", at);
}

}  // namespace

Tensor Backend::attention_bias(const Tensor& queries, const Tensor& hidden, const GroupedLinearWeight& last,
                               const BiasScaling& scaling) {
  require_bias_fits(OpName{*this, "attention_bias", last.name}, queries, hidden, last, scaling);
  const Shape out{queries[0], last.groups, queries[1], hidden[1]};
  return run("attention_bias", last.name, out,
             attention_bias_macs(queries[0], queries[1], hidden[1], hidden[2], queries[2], last.groups),
             queries.shape().elements() + hidden.shape().elements() + last.in * last.out,
             [&] { return do_attention_bias(queries, hidden, last, scaling); });
}

Tensor Backend::pooled_attention_bias(const Tensor& queries, const Tensor& hidden,
                                      const GroupedLinearWeight& last, const BiasScaling& scaling, Grid from,
                                      Grid to) {
  const OpName at{*this, "pooled_attention_bias", last.name};
  require_bias_fits(at, queries, hidden, last, scaling);
  require(hidden[1] == from.tokens() && from.tokens() > 0 && to.tokens() > 0,
          "{}: {} tokens are not a map of {}×{}, to be {}×{}", at, hidden[1], from.height, from.width,
          to.height, to.width);
  const Shape out{queries[0], last.groups, queries[1], to.tokens()};
  return run("pooled_attention_bias", last.name, out,
             attention_bias_macs(queries[0], queries[1], hidden[1], hidden[2], queries[2], last.groups),
             queries.shape().elements() + hidden.shape().elements() + last.in * last.out,
             [&] { return do_pooled_attention_bias(queries, hidden, last, scaling, from, to); });
}

std::int64_t Backend::attention_bias_macs(std::int64_t batch, std::int64_t q, std::int64_t t, std::int64_t m,
                                          std::int64_t e, std::int64_t groups) const {
  return batch * groups * t * e * (m + q);
}

std::int64_t Backend::tree_attention_macs(std::int64_t channels, const TokenTree& tree,
                                          std::span<const std::int32_t> asking) const {
  const std::size_t queries = asking.empty() ? tree.parents.size() : asking.size();
  return 2 * channels * static_cast<std::int64_t>(queries * tree.parents.size());
}

std::int64_t Backend::visible_tree_macs(std::int64_t channels, const TokenTree& tree,
                                        std::span<const std::int32_t> asking) {
  const std::vector<std::int32_t> depths = tree.depths();
  std::int64_t seen = 0;
  if (asking.empty())
    for (const std::int32_t depth : depths) seen += depth + 1;
  for (const std::int32_t token : asking) seen += depths[static_cast<std::size_t>(token)] + 1;
  return 2 * channels * seen;
}

}  // namespace san
