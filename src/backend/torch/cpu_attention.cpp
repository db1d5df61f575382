#include "backend/torch/cpu_attention.h"

#include "base/error.h"

#ifdef SAN_TORCH_ONEDNN
#include <ATen/Parallel.h>

#include <cmath>
#include <optional>

#include "backend/native/attention_rows.h"
#include "backend/torch/onednn.h"

extern "C" void omp_set_num_threads(int);
extern "C" int omp_get_max_threads();
#endif

namespace san {

#ifdef SAN_TORCH_ONEDNN
namespace {

constexpr float kLog2e = 1.44269504f;
// Scores of a block of queries, their gradient and both in bfloat16 share a second-level cache of 1 MiB.
constexpr std::int64_t kBlockScores = 72 * 1024;

enum class Layout : std::uint8_t { kPlain, kTransposed };

/// c [M, N] float = a [M, K] · b [K, N] (+ c) for dense operands in one of two layouts, on the calling
/// thread.
template <class T>
class BlockProduct {
 public:
  BlockProduct(std::int64_t m, std::int64_t k, std::int64_t n, Layout a, Layout b, bool add)
      : a_(of(m, k, a, kOneDnnType<T>)),
        b_(of(k, n, b, kOneDnnType<T>)),
        c_(of(m, n, Layout::kPlain, kOneDnnType<float>)) {
    dnnl::primitive_attr attributes;
    dnnl::post_ops sum;
    if (add) sum.append_sum(1.0f);
    attributes.set_post_ops(sum);
    const dnnl::matmul::desc desc(a_.get_desc(), b_.get_desc(), c_.get_desc());
    product_ = dnnl::matmul({desc, attributes, onednn_engine()});
  }

  void operator()(const T* a, const T* b, float* c) {
    a_.set_data_handle(const_cast<T*>(a));
    b_.set_data_handle(const_cast<T*>(b));
    c_.set_data_handle(c);
    product_.execute(stream_, {{DNNL_ARG_SRC, a_}, {DNNL_ARG_WEIGHTS, b_}, {DNNL_ARG_DST, c_}});
  }

 private:
  static dnnl::memory of(std::int64_t rows, std::int64_t columns, Layout layout,
                         dnnl::memory::data_type type) {
    const dnnl::memory::dims strides =
        layout == Layout::kPlain ? dnnl::memory::dims{columns, 1} : dnnl::memory::dims{1, rows};
    return {dnnl::memory::desc({rows, columns}, type, strides), onednn_engine(), nullptr};
  }

  dnnl::memory a_, b_, c_;
  dnnl::matmul product_;
  dnnl::stream stream_{onednn_engine()};
};

/// The products of blocks of one height.
template <class T>
struct Products {
  Products(std::int64_t rows, std::int64_t keys, std::int64_t width, bool backward)
      : scores(rows, width, keys, Layout::kPlain, Layout::kTransposed, false),
        mix(rows, keys, width, Layout::kPlain, Layout::kPlain, false) {
    if (backward) back.emplace(keys, rows, width, Layout::kTransposed, Layout::kPlain, true);
  }
  BlockProduct<T> scores;               ///< [rows, width] · [keys, width]ᵀ
  BlockProduct<T> mix;                  ///< [rows, keys] · [keys, width]
  std::optional<BlockProduct<T>> back;  ///< += [rows, keys]ᵀ · [rows, width]
};

struct Sizes {
  std::int64_t batch, heads, width, queries, keys, block;
  bool causal;

  Sizes(const at::Tensor& q, const at::Tensor& k, std::int64_t h, bool is_causal)
      : batch(q.size(0)),
        heads(h),
        width(q.size(2) / h),
        queries(q.size(1)),
        keys(k.size(1)),
        block(std::min(queries, std::clamp<std::int64_t>(kBlockScores / keys / 16 * 16, 32, 256))),
        causal(is_causal) {}
  float scale() const { return 1.0f / std::sqrt(static_cast<float>(width)); }
  native::ScoreRows rows(float* scores, std::int64_t begin, std::int64_t count) const {
    return {scores, count, keys, scale() * kLog2e, causal ? begin : -1};
  }
};

template <class T>
void gather(const at::Tensor& from, std::int64_t batch, std::int64_t head, std::int64_t width, T* to) {
  const T* row = from.data_ptr<T>() + batch * from.stride(0) + head * width;
  for (std::int64_t t = 0; t < from.size(1); ++t, row += from.stride(1), to += width)
    std::copy_n(row, width, to);
}

template <class T>
void scatter(const float* from, std::int64_t batch, std::int64_t head, std::int64_t width, std::int64_t begin,
             std::int64_t count, float factor, const at::Tensor& to) {
  T* row = to.data_ptr<T>() + batch * to.stride(0) + begin * to.stride(1) + head * width;
  for (std::int64_t t = 0; t < count; ++t, row += to.stride(1), from += width)
    for (std::int64_t c = 0; c < width; ++c) row[c] = static_cast<T>(from[c] * factor);
}

auto* bits(float* p) {
  return p;
}
auto* bits(at::BFloat16* p) {
  return reinterpret_cast<std::uint16_t*>(p);
}

// oneDNN plans for the threads it would get outside a parallel loop, then finds itself inside one.
class SingleThreaded {
 public:
  SingleThreaded() { omp_set_num_threads(1); }
  ~SingleThreaded() { omp_set_num_threads(before_); }
  SingleThreaded(const SingleThreaded&) = delete;
  SingleThreaded& operator=(const SingleThreaded&) = delete;

 private:
  int before_ = omp_get_max_threads();
};

/// What one thread works in; libtorch's memory, which is used again.
template <class T>
class Workspace {
 public:
  explicit Workspace(const Sizes& s)
      : q(take<T>(s.queries * s.width)),
        k(take<T>(s.keys * s.width)),
        v(take<T>(s.keys * s.width)),
        scores(take<float>(s.block * s.keys)),
        sums(take<float>(s.block * s.width)),
        row(take<float>(s.block)) {
    if constexpr (std::is_same_v<T, float>)
      p = scores;
    else
      p = take<T>(s.block * s.keys);
  }
  void prepare_backward(const Sizes& s) {
    out = take<T>(s.queries * s.width);
    grad = take<T>(s.queries * s.width);
    dp = take<float>(s.block * s.keys);
    dk = take<float>(s.keys * s.width);
    dv = take<float>(s.keys * s.width);
    if constexpr (std::is_same_v<T, float>)
      ds = dp;
    else
      ds = take<T>(s.block * s.keys);
  }

 private:
  template <class U>
  U* take(std::int64_t count) {
    memory_.push_back(at::empty({count}, std::is_same_v<U, float> ? at::kFloat : at::kBFloat16));
    return memory_.back().template data_ptr<U>();
  }
  std::vector<at::Tensor> memory_;

 public:
  T *q, *k, *v, *p, *out = nullptr, *grad = nullptr, *ds = nullptr;  ///< heads, dense
  float *scores, *sums, *row, *dp = nullptr, *dk = nullptr, *dv = nullptr;
};

/// One head of one picture.
struct Head {
  std::int64_t batch, head;
};

// Calls body(workspace, products of whole blocks, products of the last one, head) for every head.
template <class T, class Body>
void for_heads(const Sizes& s, bool backward, const Body& body) {
  const std::int64_t rest = s.queries % s.block;
  at::parallel_for(0, s.batch * s.heads, 1, [&](std::int64_t begin, std::int64_t end) {
    const SingleThreaded guard;
    const at::NoGradGuard plain;
    Workspace<T> space(s);
    if (backward) space.prepare_backward(s);
    Products<T> whole(s.block, s.keys, s.width, backward);
    std::optional<Products<T>> last;
    if (rest > 0) last.emplace(rest, s.keys, s.width, backward);
    for (std::int64_t i = begin; i < end; ++i)
      body(space, whole, last ? *last : whole, Head{i / s.heads, i % s.heads});
  });
}

template <class T>
void attend(const Sizes& s, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
            const at::Tensor& out, const at::Tensor& log_sums) {
  for_heads<T>(s, false, [&](Workspace<T>& w, Products<T>& whole, Products<T>& last, Head at) {
    gather(q, at.batch, at.head, s.width, w.q);
    gather(k, at.batch, at.head, s.width, w.k);
    gather(v, at.batch, at.head, s.width, w.v);
    float* logs = log_sums.data_ptr<float>() + (at.batch * s.heads + at.head) * s.queries;
    for (std::int64_t begin = 0; begin < s.queries; begin += s.block) {
      const std::int64_t count = std::min(s.block, s.queries - begin);
      Products<T>& products = count == s.block ? whole : last;
      products.scores(w.q + begin * s.width, w.k, w.scores);
      native::softmax_numerators(s.rows(w.scores, begin, count), bits(w.p), w.row, logs + begin);
      products.mix(w.p, w.v, w.sums);
      for (std::int64_t r = 0; r < count; ++r)
        scatter<T>(w.sums + r * s.width, at.batch, at.head, s.width, begin + r, 1, 1.0f / w.row[r], out);
    }
  });
}

template <class T>
void attend_back(const Sizes& s, const std::array<at::Tensor, 5>& saved, const at::Tensor& grad,
                 const std::array<at::Tensor, 3>& grads) {
  const auto& [q, k, v, out, log_sums] = saved;
  for_heads<T>(s, true, [&](Workspace<T>& w, Products<T>& whole, Products<T>& last, Head at) {
    gather(q, at.batch, at.head, s.width, w.q);
    gather(k, at.batch, at.head, s.width, w.k);
    gather(v, at.batch, at.head, s.width, w.v);
    gather(out, at.batch, at.head, s.width, w.out);
    gather(grad, at.batch, at.head, s.width, w.grad);
    std::fill_n(w.dk, s.keys * s.width, 0.0f);
    std::fill_n(w.dv, s.keys * s.width, 0.0f);
    const float* logs = log_sums.data_ptr<float>() + (at.batch * s.heads + at.head) * s.queries;
    for (std::int64_t begin = 0; begin < s.queries; begin += s.block) {
      const std::int64_t count = std::min(s.block, s.queries - begin);
      Products<T>& products = count == s.block ? whole : last;
      const T *query = w.q + begin * s.width, *g = w.grad + begin * s.width, *o = w.out + begin * s.width;
      for (std::int64_t r = 0; r < count; ++r) {
        w.row[r] = 0;
        for (std::int64_t c = 0; c < s.width; ++c)
          w.row[r] += static_cast<float>(g[r * s.width + c]) * static_cast<float>(o[r * s.width + c]);
      }
      products.scores(query, w.k, w.scores);
      products.scores(g, w.v, w.dp);
      native::softmax_gradients(s.rows(w.scores, begin, count), logs + begin, w.dp, w.row, bits(w.p),
                                bits(w.ds));
      products.mix(w.ds, w.k, w.sums);
      (*products.back)(w.ds, query, w.dk);
      (*products.back)(w.p, g, w.dv);
      scatter<T>(w.sums, at.batch, at.head, s.width, begin, count, s.scale(), grads[0]);
    }
    scatter<T>(w.dk, at.batch, at.head, s.width, 0, s.keys, s.scale(), grads[1]);
    scatter<T>(w.dv, at.batch, at.head, s.width, 0, s.keys, 1, grads[2]);
  });
}

at::Tensor rows_of(const at::Tensor& x) {
  return x.stride(2) == 1 ? x : x.contiguous();
}

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct FusedAttention : torch::autograd::Function<FusedAttention> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& q_in, const at::Tensor& k_in,
                            const at::Tensor& v_in, std::int64_t heads, bool causal) {
    const at::Tensor q = rows_of(q_in), k = rows_of(k_in), v = rows_of(v_in);
    const Sizes s(q, k, heads, causal);
    const at::Tensor out = at::empty(q.sizes(), q.options());
    const at::Tensor log_sums = at::empty({s.batch, s.heads, s.queries}, q.options().dtype(at::kFloat));
    if (q.scalar_type() == at::kFloat)
      attend<float>(s, q, k, v, out, log_sums);
    else
      attend<at::BFloat16>(s, q, k, v, out, log_sums);
    context->save_for_backward({q, k, v, out, log_sums});
    context->saved_data["heads"] = heads;
    context->saved_data["causal"] = causal;
    return out;
  }

  static variable_list backward(AutogradContext* context, const variable_list& incoming) {
    const variable_list kept = context->get_saved_variables();
    const std::array<at::Tensor, 5> saved{kept[0], kept[1], kept[2], kept[3], kept[4]};
    const at::Tensor& q = saved[0];
    const Sizes s(q, saved[1], context->saved_data["heads"].toInt(), context->saved_data["causal"].toBool());
    const std::array<at::Tensor, 3> grads{at::empty(q.sizes(), q.options()),
                                          at::empty(saved[1].sizes(), q.options()),
                                          at::empty(saved[1].sizes(), q.options())};
    const at::Tensor grad = rows_of(incoming[0].to(q.scalar_type()));
    if (q.scalar_type() == at::kFloat)
      attend_back<float>(s, saved, grad, grads);
    else
      attend_back<at::BFloat16>(s, saved, grad, grads);
    return {grads[0], grads[1], grads[2], at::Tensor(), at::Tensor()};
  }
};

}  // namespace

bool has_fused_cpu_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const auto type = q.scalar_type();
  return q.device().is_cpu() && (type == at::kFloat || type == at::kBFloat16) && k.scalar_type() == type &&
         v.scalar_type() == type && q.numel() > 0 && k.numel() > 0;
}

at::Tensor fused_cpu_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                               std::int64_t heads, bool causal) {
  return FusedAttention::apply(q, k, v, heads, causal);
}
#else
bool has_fused_cpu_attention(const at::Tensor&, const at::Tensor&, const at::Tensor&) {
  return false;
}

at::Tensor fused_cpu_attention(const at::Tensor&, const at::Tensor&, const at::Tensor&, std::int64_t, bool) {
  fail("this build has no oneDNN: attention on the CPU is not fused");
}
#endif

}  // namespace san
