#include "backend/check/check_backend.h"

#include <cmath>

#include "base/error.h"

namespace san {
namespace {

struct Pair : Storage {
  Pair(Tensor a, Tensor b) : subject(std::move(a)), oracle(std::move(b)) {}
  Tensor subject, oracle;
};
template <class Weight>
struct WeightPair : Storage {
  WeightPair(Weight a, Weight b) : subject(std::move(a)), oracle(std::move(b)) {}
  Weight subject, oracle;
};

// Each side's tensor; an absent one stays absent.
Tensor subject(const Tensor& x) {
  return x ? static_cast<const Pair&>(*x.storage()).subject : Tensor();
}
Tensor oracle(const Tensor& x) {
  return x ? static_cast<const Pair&>(*x.storage()).oracle : Tensor();
}
template <class Weight>
const Weight& subject(const Weight& w) {
  return static_cast<const WeightPair<Weight>&>(*w.data).subject;
}
template <class Weight>
const Weight& oracle(const Weight& w) {
  return static_cast<const WeightPair<Weight>&>(*w.data).oracle;
}

template <class Side>
AttentionOptions side(const AttentionOptions& o, Side&& of) {
  AttentionOptions out = o;
  out.bias = of(o.bias), out.self_key = of(o.self_key), out.self_value = of(o.self_value);
  return out;
}

class CheckBackend final : public Backend {
 public:
  CheckBackend(std::unique_ptr<Backend> a, std::unique_ptr<Backend> b,
               std::function<void(const OpDifference&)> report)
      : a_(std::move(a)), b_(std::move(b)), report_(std::move(report)) {}
  std::string name() const override { return "check(" + a_->name() + ", " + b_->name() + ")"; }
  std::unique_ptr<Backend> fork(std::shared_ptr<ThreadPool> threads) const override {
    return std::make_unique<CheckBackend>(a_->fork(threads), b_->fork(threads), report_);
  }
  bool literal() const override { return a_->literal(); }

 private:
  // Compares, then lets both sides go on from the oracle's values.
  Tensor pair(const char* op, const Tensor& x, const Tensor& y) {
    const std::vector<float> vx = a_->to_host(x), vy = b_->to_host(y);
    OpDifference d{op, scope(), y.shape()};
    double square = 0;
    for (std::size_t i = 0; i < vy.size(); ++i) {
      const double error = vx[i] == vy[i] ? 0 : std::abs(double{vx[i]} - vy[i]);  // equal infinities agree
      d.max_error = std::isnan(error) ? INFINITY : std::max(d.max_error, error);
      square += double{vy[i]} * vy[i];
    }
    d.rms = std::sqrt(square / static_cast<double>(std::max<std::size_t>(1, vy.size())));
    report_(d);
    return same(y.shape(), vy, y);
  }
  Tensor same(const Shape& shape, const std::vector<float>& values, const Tensor& y) {
    return {shape, std::make_shared<Pair>(a_->from_host(shape, values), y)};
  }
  template <class F>
  Tensor both(const char* op, F&& f) {
    return pair(op, f(*a_, [](const auto& x) { return subject(x); }),
                f(*b_, [](const auto& x) { return oracle(x); }));
  }
  template <class F>
  auto prepared(F&& f) {
    auto wa = f(*a_), wb = f(*b_);
    return std::make_shared<WeightPair<decltype(wa)>>(std::move(wa), std::move(wb));
  }

  std::shared_ptr<Storage> do_prepare_linear(const Param& w, const Param* bias,
                                             LinearLayout layout) override {
    return prepared([&](Backend& b) { return b.prepare_linear(w, bias, layout); });
  }
  std::shared_ptr<Storage> do_prepare_grouped_linear(const Param& w, const Param* bias, int groups) override {
    return prepared([&](Backend& b) { return b.prepare_grouped_linear(w, bias, groups); });
  }
  std::shared_ptr<Storage> do_prepare_layer_norm(const Param& w, const Param& bias, float eps) override {
    return prepared([&](Backend& b) { return b.prepare_layer_norm(w, bias, eps); });
  }
  std::shared_ptr<Storage> do_prepare_patch_embed(const Param& w, const Param* bias) override {
    return prepared([&](Backend& b) { return b.prepare_patch_embed(w, bias); });
  }
  std::shared_ptr<Storage> do_prepare_table(const Param& table) override {
    return prepared([&](Backend& b) { return b.prepare_table(table); });
  }
  Tensor do_prepare_tensor(const Param& value, const Shape& as) override {
    return {as, std::make_shared<Pair>(a_->prepare_tensor(value, as), b_->prepare_tensor(value, as))};
  }
  Tensor do_from_host(const Shape& shape, std::span<const float> v) override {
    return {shape, std::make_shared<Pair>(a_->from_host(shape, v), b_->from_host(shape, v))};
  }
  Tensor do_from_ids(const Shape& shape, std::span<const std::int32_t> ids) override {
    return {shape, std::make_shared<Pair>(a_->from_ids(shape, ids), b_->from_ids(shape, ids))};
  }
  void do_to_host(const Tensor& x, std::span<float> values) override { a_->to_host(subject(x), values); }

  Tensor do_reshape(const Tensor& x, const Shape& out) override {
    return both("reshape", [&](Backend& b, auto of) { return b.reshape(of(x), out); });
  }
  Tensor do_permute(const Tensor& x, std::span<const int> axes, const Shape&) override {
    return both("permute", [&](Backend& b, auto of) { return b.permute(of(x), axes); });
  }
  Tensor do_broadcast(const Tensor& x, const Shape& out) override {
    return both("broadcast", [&](Backend& b, auto of) { return b.broadcast(of(x), out); });
  }
  Tensor do_concat(std::span<const Tensor> xs, int axis, const Shape&) override {
    return both("concat", [&](Backend& b, auto of) {
      std::vector<Tensor> own;
      for (const Tensor& x : xs) own.push_back(of(x));
      return b.concat(own, axis);
    });
  }
  Tensor do_slice(const Tensor& x, int axis, std::int64_t begin, const Shape& out) override {
    return both("slice", [&](Backend& b, auto of) { return b.slice(of(x), axis, begin, begin + out[axis]); });
  }
  Tensor do_add(const Tensor& x, const Tensor& y, const Shape&) override {
    return both("add", [&](Backend& b, auto of) { return b.add(of(x), of(y)); });
  }
  Tensor do_mul(const Tensor& x, const Tensor& y, const Shape&) override {
    return both("mul", [&](Backend& b, auto of) { return b.mul(of(x), of(y)); });
  }
  Tensor do_activate(const Tensor& x, Activation kind) override {
    return both("activate", [&](Backend& b, auto of) { return b.activate(of(x), kind); });
  }
  Tensor do_softmax(const Tensor& x) override {
    return both("softmax", [&](Backend& b, auto of) { return b.softmax(of(x)); });
  }
  Tensor do_matmul(const Tensor& x, const Tensor& y, bool transpose_b, const Shape&) override {
    return both("matmul", [&](Backend& b, auto of) { return b.matmul(of(x), of(y), transpose_b); });
  }
  Tensor do_resize(const Tensor& x, const ResizeSpec& spec, const Shape&) override {
    return both("resize", [&](Backend& b, auto of) { return b.resize(of(x), spec); });
  }
  Tensor do_adaptive_max_pool(const Tensor& x, Grid from, Grid to, const Shape&) override {
    return both("adaptive_max_pool",
                [&](Backend& b, auto of) { return b.adaptive_max_pool(of(x), from, to); });
  }
  Tensor do_embedding(const TableWeight& table, const Tensor& ids, const Shape&) override {
    return both("embedding", [&](Backend& b, auto of) { return b.embedding(of(table), of(ids)); });
  }
  Tensor do_linear(const Tensor& x, const LinearWeight& w, const LinearOptions& o, const Shape&) override {
    return both("linear", [&](Backend& b, auto of) {
      return b.linear(of(x), of(w), {o.activation, of(o.residual)});
    });
  }
  Tensor do_layer_norm(const Tensor& x, const NormWeight& w) override {
    return both("layer_norm", [&](Backend& b, auto of) { return b.layer_norm(of(x), of(w)); });
  }
  Tensor do_patch_embed(const Tensor& image, Grid grid, const PatchWeight& w, const Shape&) override {
    return both("patch_embed", [&](Backend& b, auto of) { return b.patch_embed(of(image), grid, of(w)); });
  }
  Tensor do_attention(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& o) override {
    return both("attention",
                [&](Backend& b, auto of) { return b.attention(of(q), of(k), of(v), side(o, of)); });
  }
  Tensor do_tree_attention(const Tensor& q, const Tensor& k, const Tensor& v, int heads,
                           const TokenTree& tree, std::span<const std::int32_t> asking) override {
    return both("tree_attention", [&](Backend& b, auto of) {
      return b.tree_attention(of(q), of(k), of(v), heads, tree, asking);
    });
  }
  Tensor do_mlp(const Tensor& x, const LinearWeight& fc1, Activation activation, const LinearWeight& fc2,
                const Tensor& residual) override {
    return both(
        "mlp", [&](Backend& b, auto of) { return b.mlp(of(x), of(fc1), activation, of(fc2), of(residual)); });
  }
  Normed do_add_layer_norm(const Tensor& x, const Tensor& y, const NormWeight& w) override {
    const Normed a = a_->add_layer_norm(subject(x), subject(y), subject(w));
    const Normed b = b_->add_layer_norm(oracle(x), oracle(y), oracle(w));
    return {pair("add_layer_norm", a.sum, b.sum), pair("add_layer_norm", a.normed, b.normed)};
  }
  Tensor do_l2_normalize(const Tensor& x) override {
    return both("l2_normalize", [&](Backend& b, auto of) { return b.l2_normalize(of(x)); });
  }
  Tensor do_attention_bias(const Tensor& queries, const Tensor& hidden, const GroupedLinearWeight& last,
                           const BiasScaling& s) override {
    return both("attention_bias", [&](Backend& b, auto of) {
      return b.attention_bias(of(queries), of(hidden), of(last), {of(s.scale), of(s.shift)});
    });
  }
  Tensor do_pooled_attention_bias(const Tensor& queries, const Tensor& hidden,
                                  const GroupedLinearWeight& last, const BiasScaling& s, Grid from,
                                  Grid to) override {
    return both("pooled_attention_bias", [&](Backend& b, auto of) {
      return b.pooled_attention_bias(of(queries), of(hidden), of(last), {of(s.scale), of(s.shift)}, from, to);
    });
  }

  std::unique_ptr<Backend> a_, b_;
  std::function<void(const OpDifference&)> report_;
};

}  // namespace

std::unique_ptr<Backend> make_check_backend(std::unique_ptr<Backend> subject_backend,
                                            std::unique_ptr<Backend> oracle_backend,
                                            std::function<void(const OpDifference&)> report) {
  return std::make_unique<CheckBackend>(std::move(subject_backend), std::move(oracle_backend),
                                        std::move(report));
}

}  // namespace san
