#pragma once
#include <atomic>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backend/types.h"
#include "base/error.h"
#include "base/thread_pool.h"

namespace san {

/// The seam between the one network text and what runs it. Activations are [batch, tokens, channels],
/// outermost first; maps are tokens with an explicit Grid. The public ops check shapes, name and profile the
/// op, then call the private virtual of the same name; every check exists once, here. Composites have a
/// definition in plain ops that a backend may override.
///
/// Two phases: prepare_* at load turns parameters into weights any session of the same backend may share; the
/// ops run them. A Backend object is one session: not thread-safe, cheap to fork().
class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string name() const = 0;
  /// A further session on the same device that accepts this one's prepared weights. It computes on `threads`;
  /// null: it shares this one's. A backend whose threads are not ours ignores them.
  virtual std::unique_ptr<Backend> fork(std::shared_ptr<ThreadPool> threads = nullptr) const = 0;
  /// Whether a network should run as it is defined, not in an equal form that takes less: true of a backend
  /// that serves as the specification.
  virtual bool literal() const { return false; }

  // Weights. Shape errors name the parameter.
  LinearWeight prepare_linear(const Param& weight, const Param* bias,
                              LinearLayout layout = LinearLayout::kOutIn);
  /// weight [groups · E, in], group-major.
  GroupedLinearWeight prepare_grouped_linear(const Param& weight, const Param* bias, int groups);
  NormWeight prepare_layer_norm(const Param& weight, const Param& bias, float eps);
  PatchWeight prepare_patch_embed(const Param& weight, const Param* bias);  ///< weight [out, in, p, p]
  TableWeight prepare_table(const Param& table);                            ///< [rows, width]
  Tensor prepare_tensor(const Param& value, const Shape& as);  ///< a parameter used as an operand

  // Values in and out.
  Tensor from_host(const Shape& shape, std::span<const float> values);
  /// The same of values that `fill` writes, all of them, where the backend keeps them if it can.
  Tensor from_host(const Shape& shape, const std::function<void(std::span<float>)>& fill);
  Tensor from_ids(const Shape& shape, std::span<const std::int32_t> ids);
  std::vector<float> to_host(const Tensor& x);
  void to_host(const Tensor& x, std::span<float> values);  ///< as many as x has

  // Plain ops.
  Tensor reshape(const Tensor& x, const Shape& shape);
  Tensor permute(const Tensor& x, std::span<const int> axes);
  Tensor broadcast(const Tensor& x, const Shape& shape);
  Tensor concat(std::span<const Tensor> xs, int axis);
  Tensor permute(const Tensor& x, std::initializer_list<int> axes) {
    return permute(x, std::span(axes.begin(), axes.size()));
  }
  Tensor concat(std::initializer_list<Tensor> xs, int axis) {
    return concat(std::span(xs.begin(), xs.size()), axis);
  }
  Tensor slice(const Tensor& x, int axis, std::int64_t begin, std::int64_t end);
  Tensor add(const Tensor& a, const Tensor& b);  ///< with broadcasting
  Tensor mul(const Tensor& a, const Tensor& b);  ///< with broadcasting
  Tensor activate(const Tensor& x, Activation kind);
  Tensor softmax(const Tensor& x);  ///< over the last axis
  /// [..., M, K] × [..., K, N], or [..., N, K] when transpose_b; batch axes broadcast.
  Tensor matmul(const Tensor& a, const Tensor& b, bool transpose_b = false);
  Tensor resize(const Tensor& x, const ResizeSpec& spec);  ///< [B, from, C] → [B, to, C]
  /// [..., from] → [..., to], the window rule of torch's adaptive_max_pool2d.
  Tensor adaptive_max_pool(const Tensor& x, Grid from, Grid to);
  Tensor embedding(const TableWeight& table, const Tensor& ids);  ///< [B, T] → [B, T, width]

  // Ops on prepared weights.
  Tensor linear(const Tensor& x, const LinearWeight& w,
                const LinearOptions& options = {});         ///< [..., in] → [..., out]
  Tensor layer_norm(const Tensor& x, const NormWeight& w);  ///< over the last axis
  /// Image tokens [B, H·W, in] → [B, (H/p)·(W/p), out]; rows and columns beyond a whole patch are dropped.
  Tensor patch_embed(const Tensor& image, Grid grid, const PatchWeight& w);

  // Composites.
  /// softmax(q kᵀ / √(d/heads) + bias) v per head: q [B, Tq, d], k and v [B, Tk, d] → [B, Tq, d].
  Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options);
  /// Attention in which token i sees itself and those it follows, and no other: q [1, A, d] of the tokens
  /// `asking` (none given: of all), k and v [1, N, d] of all N → [1, A, d]. (Tree attention as in Miao et
  /// al., arXiv 2305.09781.)
  Tensor tree_attention(const Tensor& q, const Tensor& k, const Tensor& v, int heads, const TokenTree& tree,
                        std::span<const std::int32_t> asking = {});
  /// residual + fc2(activation(fc1 x)).
  Tensor mlp(const Tensor& x, const LinearWeight& fc1, Activation activation, const LinearWeight& fc2,
             const Tensor& residual = {});
  Normed add_layer_norm(const Tensor& x, const Tensor& y,
                        const NormWeight& w);  ///< x + y (broadcast) and its norm
  Tensor l2_normalize(const Tensor& x);        ///< over the last axis
  /// bias[b, g, q, t] = scale · queries[b, q] · (W hidden[b, t] + c)[g] + shift: queries [B, Q, E], hidden
  /// [B, T, M], last M → groups·E; → [B, groups, Q, T].
  Tensor attention_bias(const Tensor& queries, const Tensor& hidden, const GroupedLinearWeight& last,
                        const BiasScaling& scaling);
  /// The same pooled by adaptive_max_pool, without all of it in memory: T is `from`; → [B, groups, Q, to].
  Tensor pooled_attention_bias(const Tensor& queries, const Tensor& hidden, const GroupedLinearWeight& last,
                               const BiasScaling& scaling, Grid from, Grid to);

  // Observation.
  using Observer = std::function<void(const OpRecord&)>;
  using Tap = std::function<void(std::string_view name, const Tensor& value)>;
  void observe(Observer observer) { observer_ = std::move(observer); }
  void on_tap(Tap tap) { tap_ = std::move(tap); }
  bool tapped() const { return static_cast<bool>(tap_); }
  /// Offers an intermediate value under a name of the network's: "block_{}_in" with its numbers behind the
  /// value. Free when nobody listens.
  template <class... Args>
  void tap(fmt::format_string<Args...> name, const Tensor& value, Args&&... args) const {
    if (tap_) tap_(fmt::format(name, std::forward<Args>(args)...), value);
  }

  /// Names the ops issued while it lives, "blocks.3" with an index; nested scopes join with dots. `name` must
  /// outlive it.
  class Scope {
   public:
    Scope(Backend& backend, const char* name, int index = -1)
        : backend_(backend), outer_(backend.scope_), name_(name), index_(index) {
      backend_.scope_ = this;
    }
    ~Scope() { backend_.scope_ = outer_; }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    friend class Backend;
    Backend& backend_;
    const Scope* outer_;
    const char* name_;
    int index_;
  };
  /// The names of the scopes that live, joined.
  std::string scope() const;

  /// While it lives, the next op after `*flag` became true, on whichever thread, throws Cancelled; the
  /// backend stays usable. Null: never.
  class CancelWhen {
   public:
    CancelWhen(Backend& backend, const std::atomic<bool>* flag)
        : backend_(backend), outer_(std::exchange(backend.cancelled_, flag)) {}
    ~CancelWhen() { backend_.cancelled_ = outer_; }
    CancelWhen(const CancelWhen&) = delete;
    CancelWhen& operator=(const CancelWhen&) = delete;

   private:
    Backend& backend_;
    const std::atomic<bool>* outer_;
  };

 protected:
  Backend() = default;
  /// For fork(): who observes, names or cancels the ops of one session does not do so in another.
  Backend(const Backend&) {}

  /// Waits for the device before a profiled op's clock is read.
  virtual void synchronize() {}
  /// Multiply-adds attention_bias really takes here (its definition: T·M·groups·E + groups·Q·T·E per batch
  /// item).
  virtual std::int64_t attention_bias_macs(std::int64_t batch, std::int64_t q, std::int64_t t, std::int64_t m,
                                           std::int64_t e, std::int64_t groups) const;
  /// Multiply-adds tree_attention really takes here (its definition: 2·A·N·d).
  virtual std::int64_t tree_attention_macs(std::int64_t channels, const TokenTree& tree,
                                           std::span<const std::int32_t> asking) const;
  /// The same where only what a token sees is multiplied.
  static std::int64_t visible_tree_macs(std::int64_t channels, const TokenTree& tree,
                                        std::span<const std::int32_t> asking);

 private:
  virtual std::shared_ptr<Storage> do_prepare_linear(const Param& weight, const Param* bias,
                                                     LinearLayout layout) = 0;
  /// Unless overridden, that of the plain linear layer.
  virtual std::shared_ptr<Storage> do_prepare_grouped_linear(const Param& weight, const Param* bias,
                                                             int groups);
  virtual std::shared_ptr<Storage> do_prepare_layer_norm(const Param& weight, const Param& bias,
                                                         float eps) = 0;
  virtual std::shared_ptr<Storage> do_prepare_patch_embed(const Param& weight, const Param* bias) = 0;
  virtual std::shared_ptr<Storage> do_prepare_table(const Param& table) = 0;
  virtual Tensor do_prepare_tensor(const Param& value, const Shape& as) = 0;

  virtual Tensor do_from_host(const Shape& shape, std::span<const float> values) = 0;
  /// Unless overridden, by way of values of the caller's.
  virtual Tensor do_filled(const Shape& shape, const std::function<void(std::span<float>)>& fill);
  virtual Tensor do_from_ids(const Shape& shape, std::span<const std::int32_t> ids) = 0;
  virtual void do_to_host(const Tensor& x, std::span<float> values) = 0;

  // `out` is the shape the public op computed.
  virtual Tensor do_reshape(const Tensor& x, const Shape& out) = 0;
  virtual Tensor do_permute(const Tensor& x, std::span<const int> axes, const Shape& out) = 0;
  virtual Tensor do_broadcast(const Tensor& x, const Shape& out) = 0;
  virtual Tensor do_concat(std::span<const Tensor> xs, int axis, const Shape& out) = 0;
  virtual Tensor do_slice(const Tensor& x, int axis, std::int64_t begin, const Shape& out) = 0;
  virtual Tensor do_add(const Tensor& a, const Tensor& b, const Shape& out) = 0;
  virtual Tensor do_mul(const Tensor& a, const Tensor& b, const Shape& out) = 0;
  virtual Tensor do_activate(const Tensor& x, Activation kind) = 0;
  virtual Tensor do_softmax(const Tensor& x) = 0;
  virtual Tensor do_matmul(const Tensor& a, const Tensor& b, bool transpose_b, const Shape& out) = 0;
  virtual Tensor do_resize(const Tensor& x, const ResizeSpec& spec, const Shape& out) = 0;
  virtual Tensor do_adaptive_max_pool(const Tensor& x, Grid from, Grid to, const Shape& out) = 0;
  virtual Tensor do_embedding(const TableWeight& table, const Tensor& ids, const Shape& out) = 0;
  virtual Tensor do_linear(const Tensor& x, const LinearWeight& w, const LinearOptions& options,
                           const Shape& out) = 0;
  virtual Tensor do_layer_norm(const Tensor& x, const NormWeight& w) = 0;
  virtual Tensor do_patch_embed(const Tensor& image, Grid grid, const PatchWeight& w, const Shape& out) = 0;

 protected:
  // The definitions: an override may fall back to them.
  virtual Tensor do_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                              const AttentionOptions& options);
  virtual Tensor do_tree_attention(const Tensor& q, const Tensor& k, const Tensor& v, int heads,
                                   const TokenTree& tree, std::span<const std::int32_t> asking);
  virtual Tensor do_mlp(const Tensor& x, const LinearWeight& fc1, Activation activation,
                        const LinearWeight& fc2, const Tensor& residual);
  virtual Normed do_add_layer_norm(const Tensor& x, const Tensor& y, const NormWeight& w);
  virtual Tensor do_l2_normalize(const Tensor& x);
  virtual Tensor do_attention_bias(const Tensor& queries, const Tensor& hidden,
                                   const GroupedLinearWeight& last, const BiasScaling& scaling);
  virtual Tensor do_pooled_attention_bias(const Tensor& queries, const Tensor& hidden,
                                          const GroupedLinearWeight& last, const BiasScaling& scaling,
                                          Grid from, Grid to);

 private:
  template <class Run>
  auto run(const char* op, std::string_view name, const Shape& out, std::int64_t macs, std::int64_t elements,
           Run&& body);

  Observer observer_;
  Tap tap_;
  const Scope* scope_ = nullptr;  ///< the innermost
  const std::atomic<bool>* cancelled_ = nullptr;
  int depth_ = 0;
};

}  // namespace san
