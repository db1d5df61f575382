#include "backend/native/tree_attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "backend/native/hwy_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/native/tree_attention.cpp"
#include <hwy/foreach_target.h>
// foreach_target must come before:
#include <hwy/highway.h>

#include "backend/native/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace san::native::HWY_NAMESPACE {

/// Queries of one chain that meet the keys together: their sums are independent of each other, so no addition
/// waits for the one before.
constexpr std::int64_t kGroup = 4;
/// Below every score.
constexpr float kLowest = -1e30f;
constexpr float kLog2e = 1.44269504f;

/// Where one head's walk over the tree stands: the tokens from a root to the last one, and their keys.
struct Walk {
  const TreeAttention& a;
  std::span<const std::int32_t> depths;
  std::int64_t column;  ///< of the head's first value
  std::int64_t stride;  ///< floats between rows of `keys`, whole vectors
  float *keys, *queries,
      *scores;  ///< keys [width, stride]: that of depth t in column t; [kGroup, width]; [kGroup, stride]
  std::vector<std::int32_t> path;  ///< by depth
  std::int64_t length = 0;         ///< of what is valid in it

  std::int32_t token(std::int64_t query) const {
    return a.asking.empty() ? static_cast<std::int32_t>(query) : a.asking[static_cast<std::size_t>(query)];
  }
  std::int32_t parent(std::int32_t token) const { return a.parents[static_cast<std::size_t>(token)]; }
  std::int64_t depth(std::int32_t token) const { return depths[static_cast<std::size_t>(token)]; }
};

/// The path to `token`: what it shares with the one before stays.
void walk_to(Walk& w, std::int32_t token) {
  const std::int64_t last = w.depth(token);
  for (std::int64_t t = last; t >= 0; --t, token = w.parent(token)) {
    auto& at = w.path[static_cast<std::size_t>(t)];
    if (t < w.length && at == token) break;
    at = token;
    const float* key = w.a.k.data + token * w.a.k.row_stride + w.column;
    for (std::int64_t c = 0; c < w.a.width; ++c) w.keys[c * w.stride + t] = key[c];
  }
  w.length = last + 1;
}

template <int count>
void score(const Walk& w) {
  const F d;
  const auto n = static_cast<std::int64_t>(lanes());
  for (std::int64_t t = 0; t < w.length; t += n) {
    V sums[count];
    for (V& sum : sums) sum = hn::Zero(d);
    const float* HWY_RESTRICT key = w.keys + t;
    for (std::int64_t c = 0; c < w.a.width; ++c, key += w.stride) {
      const V keys = hn::LoadU(d, key);
#pragma GCC unroll 4
      for (int r = 0; r < count; ++r)
        sums[r] = hn::MulAdd(hn::Set(d, w.queries[r * w.a.width + c]), keys, sums[r]);
    }
    for (int r = 0; r < count; ++r) hn::StoreU(sums[r], d, w.scores + r * w.stride + t);
  }
}

/// Scores of the first `visible` keys become exponentials relative to the largest, the others zero; their
/// sum. Exponentials and order are those of attention.cpp: a shared beginning has the bits of one alone.
float exponentiate(const Walk& w, float* scores, std::int64_t visible) {
  const F d;
  const auto n = static_cast<std::int64_t>(lanes());
  const auto seen = [&](std::int64_t t) HWY_ATTR {
    return hn::FirstN(d, static_cast<std::size_t>(std::max<std::int64_t>(0, visible - t)));
  };
  V tops = hn::Set(d, kLowest);
  for (std::int64_t t = 0; t < visible; t += n)
    tops = hn::Max(tops, hn::IfThenElse(seen(t), hn::LoadU(d, scores + t), tops));
  const V top = hn::MaxOfLanes(d, tops);
  for (std::int64_t t = 0; t < w.length; t += n) {
    const V e = quick_exp2(hn::Sub(hn::LoadU(d, scores + t), top));
    hn::StoreU(hn::IfThenElseZero(seen(t), e), d, scores + t);
  }
  float total = 0;
  for (std::int64_t t = 0; t < visible; ++t) total += scores[t];
  return total;
}

template <int count>
void mix(const Walk& w, const float* totals, std::int64_t query) {
  const F d;
  const auto n = static_cast<std::int64_t>(lanes());
  const std::int64_t channels = w.a.heads * w.a.width;
  float* out = w.a.out + query * channels + w.column;
  for (std::int64_t c = 0; c < w.a.width; c += n) {
    const auto rest = static_cast<std::size_t>(std::min(n, w.a.width - c));
    const bool whole = rest == lanes();
    V sums[count];
    for (V& sum : sums) sum = hn::Zero(d);
    for (std::int64_t t = 0; t < w.length; ++t) {
      const float* from = w.a.v.data + w.path[static_cast<std::size_t>(t)] * w.a.v.row_stride + w.column + c;
      const V values = whole ? hn::LoadU(d, from) : load_part(from, rest);
#pragma GCC unroll 4
      for (int r = 0; r < count; ++r)
        sums[r] = hn::MulAdd(hn::Set(d, w.scores[r * w.stride + t]), values, sums[r]);
    }
    for (int r = 0; r < count; ++r) {
      const V mean = hn::Mul(sums[r], hn::Set(d, 1.0f / totals[r]));
      if (whole)
        hn::StoreU(mean, d, out + r * channels + c);
      else
        store_part(mean, out + r * channels + c, rest);
    }
  }
}

template <int count>
void attend_group(Walk& w, std::int64_t query) {
  const DenormalsAreZero mode;
  // Scores are in units of log 2: the exponential is then a power of two.
  const float scale = kLog2e / std::sqrt(static_cast<float>(w.a.width));
  for (std::int64_t r = 0; r < count; ++r) {
    const float* q = w.a.q.data + (query + r) * w.a.q.row_stride + w.column;
    for (std::int64_t c = 0; c < w.a.width; ++c) w.queries[r * w.a.width + c] = scale * q[c];
  }
  walk_to(w, w.token(query + count - 1));
  score<count>(w);
  float totals[count];
  for (std::int64_t r = 0; r < count; ++r)
    totals[r] = exponentiate(w, w.scores + r * w.stride, w.depth(w.token(query + r)) + 1);
  mix<count>(w, totals, query);
}

/// Queries [begin, end) of one head.
void attend_tree_impl(const TreeAttention& a, std::span<const std::int32_t> depths, std::int64_t deepest,
                      std::int64_t head, std::int64_t begin, std::int64_t end) {
  const auto n = static_cast<std::int64_t>(lanes());
  Walk w{a, depths, head * a.width, (deepest + n) / n * n, nullptr, nullptr, nullptr, {}};
  w.keys = thread_scratch((a.width + kGroup) * w.stride + kGroup * a.width, 0);
  w.scores = w.keys + a.width * w.stride;
  w.queries = w.scores + kGroup * w.stride;
  w.path.resize(static_cast<std::size_t>(deepest + 1));
  while (begin < end) {
    std::int64_t count = 1;
    while (count < kGroup && begin + count < end &&
           w.parent(w.token(begin + count)) == w.token(begin + count - 1))
      ++count;
    switch (count) {
      case 1:
        attend_group<1>(w, begin);
        break;
      case 2:
        attend_group<2>(w, begin);
        break;
      case 3:
        attend_group<3>(w, begin);
        break;
      default:
        attend_group<kGroup>(w, begin);
    }
    begin += count;
  }
}

}  // namespace san::native::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace san::native {

HWY_EXPORT(attend_tree_impl);

void fused_tree_attention(const TreeAttention& a, ThreadPool& pool) {
  const std::vector<std::int32_t> depths = TokenTree{{a.parents.begin(), a.parents.end()}}.depths();
  if (depths.empty()) return;
  const std::int64_t deepest = *std::ranges::max_element(depths);
  const auto queries = static_cast<std::int64_t>(a.asking.empty() ? depths.size() : a.asking.size());
  // A part begins with a walk from the root: long enough that this does not count.
  constexpr std::int64_t kPart = 96;
  const std::int64_t parts = (queries + kPart - 1) / kPart;
  const auto attend = HWY_DYNAMIC_DISPATCH(attend_tree_impl);
  pool.parallel_for(a.heads * parts, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      attend(a, depths, deepest, i / parts, i % parts * kPart, std::min(queries, (i % parts + 1) * kPart));
  });
}

}  // namespace san::native
#endif
