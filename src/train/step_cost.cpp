#include "train/step_cost.h"

#include "backend/backend.h"
#include "model/san.h"

namespace san {
namespace {

/// Values are nothing but whether a gradient has to reach them.
struct Marked : Storage {
  explicit Marked(bool g) : gradient(g) {}
  bool gradient;
};

class StepCounter final : public Backend {
 public:
  std::string name() const override { return "step cost"; }
  std::unique_ptr<Backend> fork(std::shared_ptr<ThreadPool>) const override {
    return std::make_unique<StepCounter>();
  }
  StepCost cost() const { return cost_; }

 private:
  static std::shared_ptr<Storage> mark(bool gradient) { return std::make_shared<Marked>(gradient); }
  static bool marked(const std::shared_ptr<Storage>& s) { return s && static_cast<Marked&>(*s).gradient; }
  static bool marked(const Tensor& x) { return marked(x.storage()); }

  /// A result that is no view. Whatever a gradient passes through is kept until it has passed, once: as the
  /// input of the next op or as an output that its own gradient needs.
  Tensor made(const Shape& shape, bool gradient) {
    if (gradient) cost_.kept_values += shape.elements();
    return {shape, mark(gradient)};
  }
  /// A product of an activation and a weight.
  bool weighted(std::int64_t macs, bool input, bool weight) {
    cost_.forward += macs;
    if (input) cost_.backward_inputs += macs;
    if (weight) cost_.backward_weights += macs;
    return input || weight;
  }
  /// A product of two activations.
  bool product(std::int64_t macs, bool a, bool b) {
    cost_.forward += macs;
    cost_.backward_inputs += macs * (int{a} + int{b});
    return a || b;
  }

  std::shared_ptr<Storage> do_prepare_linear(const Param& weight, const Param*, LinearLayout) override {
    return mark(weight.trainable);
  }
  std::shared_ptr<Storage> do_prepare_layer_norm(const Param& weight, const Param&, float) override {
    return mark(weight.trainable);
  }
  std::shared_ptr<Storage> do_prepare_patch_embed(const Param& weight, const Param*) override {
    return mark(weight.trainable);
  }
  std::shared_ptr<Storage> do_prepare_table(const Param& table) override { return mark(table.trainable); }
  Tensor do_prepare_tensor(const Param& value, const Shape& as) override {
    return {as, mark(value.trainable)};
  }

  Tensor do_from_host(const Shape& shape, std::span<const float>) override { return {shape, mark(false)}; }
  Tensor do_from_ids(const Shape& shape, std::span<const std::int32_t>) override {
    return {shape, mark(false)};
  }
  void do_to_host(const Tensor&, std::span<float> values) override { std::ranges::fill(values, 0.0f); }

  Tensor do_reshape(const Tensor& x, const Shape& out) override { return {out, x.storage()}; }
  Tensor do_permute(const Tensor& x, std::span<const int>, const Shape& out) override {
    return {out, x.storage()};
  }
  Tensor do_broadcast(const Tensor& x, const Shape& out) override { return {out, x.storage()}; }
  Tensor do_concat(std::span<const Tensor> xs, int, const Shape& out) override {
    bool any = false;
    for (const Tensor& x : xs) any |= marked(x);
    return made(out, any);
  }
  Tensor do_slice(const Tensor& x, int, std::int64_t, const Shape& out) override {
    return {out, x.storage()};
  }
  Tensor do_add(const Tensor& a, const Tensor& b, const Shape& out) override {
    return made(out, marked(a) || marked(b));
  }
  Tensor do_mul(const Tensor& a, const Tensor& b, const Shape& out) override {
    return made(out, marked(a) || marked(b));
  }
  Tensor do_activate(const Tensor& x, Activation) override { return made(x.shape(), marked(x)); }
  Tensor do_softmax(const Tensor& x) override { return made(x.shape(), marked(x)); }
  Tensor do_resize(const Tensor& x, const ResizeSpec&, const Shape& out) override {
    return made(out, marked(x));
  }
  Tensor do_adaptive_max_pool(const Tensor& x, Grid, Grid, const Shape& out) override {
    return made(out, marked(x));
  }
  Tensor do_embedding(const TableWeight& table, const Tensor&, const Shape& out) override {
    return {out, table.data};
  }
  Tensor do_layer_norm(const Tensor& x, const NormWeight& w) override {
    return made(x.shape(), marked(x) || marked(w.data));
  }
  Tensor do_l2_normalize(const Tensor& x) override { return made(x.shape(), marked(x)); }

  Tensor do_matmul(const Tensor& a, const Tensor& b, bool, const Shape& out) override {
    return made(out, product(out.elements() * a[-1], marked(a), marked(b)));
  }
  Tensor do_linear(const Tensor& x, const LinearWeight& w, const LinearOptions& o,
                   const Shape& out) override {
    const bool gradient = weighted(out.elements() * w.in, marked(x), marked(w.data));
    return made(out, gradient || marked(o.residual));
  }
  Tensor do_patch_embed(const Tensor& image, Grid, const PatchWeight& w, const Shape& out) override {
    return made(out, weighted(out.elements() * w.patch * w.patch * w.in, marked(image), marked(w.data)));
  }

  Tensor do_attention(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& o) override {
    const std::int64_t per_key = q.shape().elements();
    bool scores = product(per_key * k[1], marked(q), marked(k));
    if (o.self_key) scores |= product(per_key, marked(q), marked(o.self_key));
    scores |= marked(o.bias);
    bool gradient = product(per_key * k[1], scores, marked(v));
    if (o.self_value) gradient |= product(per_key, scores, marked(o.self_value));
    // With a bias the scores are written out, once raw and once as probabilities.
    if (scores && o.bias) cost_.kept_values += 2 * q[0] * o.heads * q[1] * k[1];
    return made(q.shape(), gradient);
  }

  // As a good implementation computes it: the last layer folded into the queries.
  Tensor do_attention_bias(const Tensor& queries, const Tensor& hidden, const GroupedLinearWeight& last,
                           const BiasScaling& scaling) override {
    const std::int64_t rows = queries[0] * queries[1] * last.groups, e = queries[2], m = hidden[2];
    const bool folded = weighted(rows * e * (m + 1), marked(queries), marked(last.data));
    const bool bias = product(rows * hidden[1] * m, folded, marked(hidden));
    return made(Shape{queries[0], last.groups, queries[1], hidden[1]},
                bias || marked(scaling.scale) || marked(scaling.shift));
  }

  StepCost cost_;
};

/// Parameters without values.
class Shapes final : public ParameterSource {
 public:
  explicit Shapes(const SanConfig& config) {
    for (const Declaration& d : declare_parameters(config)) shapes_.emplace(d.name, d.shape);
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> out;
    for (const auto& [name, shape] : shapes_) out.push_back(name);
    return out;
  }
  bool contains(const std::string& name) const override { return shapes_.contains(name); }
  Shape shape(const std::string& name) const override { return shapes_.at(name); }
  HostArray load(const std::string& name) const override { return {DType::kF32, shapes_.at(name), nullptr}; }
  std::string description() const override { return "the network's shapes"; }

 private:
  std::map<std::string, Shape> shapes_;
};

}  // namespace

StepCost step_cost(const SanConfig& config, const TrainableRule& trainable, Grid size, std::int64_t batch,
                   std::int64_t classes) {
  StepCounter b;
  const Shapes shapes(config);
  ParamLoader loader(b, shapes, trainable);
  const San network(loader, config);
  const std::vector<float> image(static_cast<std::size_t>(batch * size.tokens() * 3));
  const std::vector<float> text(static_cast<std::size_t>(classes * config.clip.embed_dim));
  const Tensor classifier = network.classifier(b, b.from_host({classes, config.clip.embed_dim}, text));
  for (const SanOutput& out :
       network.forward(b, b.from_host({batch, size.tokens(), 3}, image), size, /*supervised=*/true))
    network.classify(b, out.embeddings, classifier);
  return b.cost();
}

}  // namespace san
