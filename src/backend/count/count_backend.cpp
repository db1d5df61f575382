#include "backend/count/count_backend.h"

#include <algorithm>

namespace san {
namespace {

/// Live and peak bytes, shared by a session and the tensors it made.
struct Ledger {
  std::int64_t live = 0, peak = 0;
};

struct CountedStorage : Storage {
  CountedStorage(std::shared_ptr<Ledger> l, std::int64_t n) : ledger(std::move(l)), bytes(n) {
    ledger->live += bytes;
    ledger->peak = std::max(ledger->peak, ledger->live);
  }
  ~CountedStorage() override { ledger->live -= bytes; }
  std::shared_ptr<Ledger> ledger;
  std::int64_t bytes;
};

struct NoWeights : Storage {};

class Counter final : public CountBackend {
 public:
  explicit Counter(CountMode mode) : mode_(mode) {
    observe([this](const OpRecord& r) {
      if (r.depth > 0) return;
      macs_ += r.macs;
      if (r.macs > 0) by_op_[r.op] += r.macs;
    });
  }
  std::string name() const override { return "count"; }
  std::unique_ptr<Backend> fork(std::shared_ptr<ThreadPool>) const override {
    return std::make_unique<Counter>(mode_);
  }
  bool literal() const override { return mode_ == CountMode::kDefinition; }
  Cost cost() const override { return {macs_, ledger_->peak, by_op_}; }

 private:
  std::int64_t attention_bias_macs(std::int64_t batch, std::int64_t q, std::int64_t t, std::int64_t m,
                                   std::int64_t e, std::int64_t groups) const override {
    return mode_ == CountMode::kNeeded ? folded_attention_bias_macs(batch, q, t, m, e, groups)
                                       : Backend::attention_bias_macs(batch, q, t, m, e, groups);
  }
  std::int64_t tree_attention_macs(std::int64_t channels, const TokenTree& tree,
                                   std::span<const std::int32_t> asking) const override {
    return visible_tree_macs(channels, tree, asking);
  }

  Tensor fresh(const Shape& shape) {
    return {shape, std::make_shared<CountedStorage>(
                       ledger_, shape.elements() * static_cast<std::int64_t>(sizeof(float)))};
  }
  static std::shared_ptr<Storage> weights() { return std::make_shared<NoWeights>(); }

  std::shared_ptr<Storage> do_prepare_linear(const Param&, const Param*, LinearLayout) override {
    return weights();
  }
  std::shared_ptr<Storage> do_prepare_layer_norm(const Param&, const Param&, float) override {
    return weights();
  }
  std::shared_ptr<Storage> do_prepare_patch_embed(const Param&, const Param*) override { return weights(); }
  std::shared_ptr<Storage> do_prepare_table(const Param&) override { return weights(); }
  Tensor do_prepare_tensor(const Param&, const Shape& as) override { return {as, weights()}; }
  Tensor do_from_host(const Shape& shape, std::span<const float>) override { return fresh(shape); }
  Tensor do_from_ids(const Shape& shape, std::span<const std::int32_t>) override { return fresh(shape); }
  void do_to_host(const Tensor&, std::span<float> values) override { std::ranges::fill(values, 0.0f); }

  // Views cost nothing.
  Tensor do_reshape(const Tensor& x, const Shape& out) override { return {out, x.storage()}; }
  Tensor do_slice(const Tensor& x, int, std::int64_t, const Shape& out) override {
    return {out, x.storage()};
  }

  Tensor do_permute(const Tensor&, std::span<const int>, const Shape& out) override { return fresh(out); }
  Tensor do_broadcast(const Tensor&, const Shape& out) override { return fresh(out); }
  Tensor do_concat(std::span<const Tensor>, int, const Shape& out) override { return fresh(out); }
  Tensor do_add(const Tensor&, const Tensor&, const Shape& out) override { return fresh(out); }
  Tensor do_mul(const Tensor&, const Tensor&, const Shape& out) override { return fresh(out); }
  Tensor do_activate(const Tensor& x, Activation) override { return fresh(x.shape()); }
  Tensor do_softmax(const Tensor& x) override { return fresh(x.shape()); }
  Tensor do_matmul(const Tensor&, const Tensor&, bool, const Shape& out) override { return fresh(out); }
  Tensor do_resize(const Tensor&, const ResizeSpec&, const Shape& out) override { return fresh(out); }
  Tensor do_adaptive_max_pool(const Tensor&, Grid, Grid, const Shape& out) override { return fresh(out); }
  Tensor do_embedding(const TableWeight&, const Tensor&, const Shape& out) override { return fresh(out); }
  Tensor do_linear(const Tensor&, const LinearWeight&, const LinearOptions&, const Shape& out) override {
    return fresh(out);
  }
  Tensor do_layer_norm(const Tensor& x, const NormWeight&) override { return fresh(x.shape()); }
  Tensor do_patch_embed(const Tensor&, Grid, const PatchWeight&, const Shape& out) override {
    return fresh(out);
  }

  // One pass each, as a fused kernel does.
  Tensor do_attention(const Tensor& q, const Tensor&, const Tensor&, const AttentionOptions&) override {
    return fresh(q.shape());
  }
  Tensor do_tree_attention(const Tensor& q, const Tensor&, const Tensor&, int, const TokenTree&,
                           std::span<const std::int32_t>) override {
    return fresh(q.shape());
  }
  Tensor do_l2_normalize(const Tensor& x) override { return fresh(x.shape()); }
  Tensor do_attention_bias(const Tensor& queries, const Tensor& hidden, const GroupedLinearWeight& last,
                           const BiasScaling& scaling) override {
    if (mode_ == CountMode::kDefinition) return Backend::do_attention_bias(queries, hidden, last, scaling);
    return fresh({queries[0], last.groups, queries[1], hidden[1]});
  }

  CountMode mode_;
  std::shared_ptr<Ledger> ledger_ = std::make_shared<Ledger>();
  std::int64_t macs_ = 0;
  std::map<std::string, std::int64_t> by_op_;
};

}  // namespace

std::int64_t folded_attention_bias_macs(std::int64_t batch, std::int64_t q, std::int64_t t, std::int64_t m,
                                        std::int64_t e, std::int64_t groups) {
  return batch * groups * q * (e * m + e + t * m);
}

std::unique_ptr<CountBackend> make_count_backend(CountMode mode) {
  return std::make_unique<Counter>(mode);
}

}  // namespace san
