#include "labels/head_kernels.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

// This file is compiled once per instruction set by foreach_target.h, which must come before Highway itself.
// clang-format off
// Sums are kept in an array of vectors, which sizeless ones cannot be.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "labels/head_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>
#include "simd/exponential-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace san::head::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// At most 16 lanes, so that panels, blocks and kQueryAlign are whole vectors on every instruction set.
using Tag = hn::CappedTag<float, 16>;
using Vector = hn::Vec<Tag>;
using IntTag = hn::RebindToSigned<Tag>;

using simd::HWY_NAMESPACE::exponential;

HWY_INLINE Vector sigmoid(Tag d, Vector x) {
  const Vector one = hn::Set(d, 1.0f), lowest = hn::Set(d, kLowestLogit);
  const Vector e = exponential(d, hn::Max(hn::Neg(hn::Max(x, lowest)), hn::Set(d, -80.0f)));
  return hn::IfThenElseZero(hn::Ge(x, lowest), hn::Div(one, hn::Add(one, e)));
}

void sigma_bounds(const float* grid, std::size_t stride, std::span<const GridTerm> terms,
                  std::size_t terms_per_point, float slack, float* lowest, float* highest) {
  const Tag d;
  const std::size_t lanes = hn::Lanes(d);
  const Vector least = hn::Set(d, kLowestLogit);
  // A sigmoid is good to a few units in the last place.
  const Vector down = hn::Set(d, 1.0f - 0x1p-20f), up = hn::Set(d, 1.0f + 0x1p-20f);
  for (std::size_t q = 0; q < stride; q += lanes) {
    Vector low = hn::Set(d, std::numeric_limits<float>::max()), high = hn::Neg(low);
    for (std::size_t t = 0; t < terms.size();) {
      Vector sum = hn::Zero(d);
      for (const std::size_t end = t + terms_per_point; t < end; ++t)
        sum = hn::MulAdd(hn::Set(d, terms[t].weight), hn::LoadU(d, grid + terms[t].cell * stride + q), sum);
      low = hn::Min(low, sum);
      high = hn::Max(high, sum);
    }
    low = hn::Sub(low, hn::Set(d, slack));
    high = hn::Add(high, hn::Set(d, slack));
    hn::StoreU(hn::Mul(sigmoid(d, low), down), d, lowest + q);
    hn::StoreU(hn::Mul(sigmoid(d, hn::Max(high, least)), up), d, highest + q);
  }
}

void block_sigmas(const float* grid, std::size_t stride, int queries, std::span<const std::size_t> cells,
                  const float* weights, float* sigma) {
  const Tag d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t p = 0; p < kBlock; p += lanes) {
    if (cells.size() == 4) {
      const Vector w0 = hn::LoadU(d, weights + p), w1 = hn::LoadU(d, weights + kBlock + p),
                   w2 = hn::LoadU(d, weights + 2 * kBlock + p), w3 = hn::LoadU(d, weights + 3 * kBlock + p);
      const float *g0 = grid + cells[0] * stride, *g1 = grid + cells[1] * stride,
                  *g2 = grid + cells[2] * stride, *g3 = grid + cells[3] * stride;
      for (std::size_t q = 0; q < static_cast<std::size_t>(queries); ++q) {
        Vector sum = hn::MulAdd(w0, hn::Set(d, g0[q]), hn::Zero(d));
        sum = hn::MulAdd(w1, hn::Set(d, g1[q]), sum);
        sum = hn::MulAdd(w2, hn::Set(d, g2[q]), sum);
        sum = hn::MulAdd(w3, hn::Set(d, g3[q]), sum);
        hn::StoreU(sigmoid(d, sum), d, sigma + q * kBlock + p);
      }
      continue;
    }
    for (std::size_t q = 0; q < static_cast<std::size_t>(queries); ++q) {
      Vector sum = hn::Zero(d);
      for (std::size_t c = 0; c < cells.size(); ++c)
        sum =
            hn::MulAdd(hn::LoadU(d, weights + c * kBlock + p), hn::Set(d, grid[cells[c] * stride + q]), sum);
      hn::StoreU(sigmoid(d, sum), d, sigma + q * kBlock + p);
    }
  }
}

template <std::size_t kColumns>
HWY_INLINE void score_columns(std::span<const Segment> segments, const int* places, const float* sigma,
                              float* scores) {
  const Tag d;
  for (std::size_t p = 0; p < kBlock; p += hn::Lanes(d)) {
    Vector sum[kColumns];
    for (Vector& s : sum) s = hn::Zero(d);
    for (const Segment& segment : segments) {
      const float* column[kColumns];
      for (std::size_t i = 0; i < kColumns; ++i) {
        const auto place = static_cast<std::size_t>(places[i]);
        column[i] = segment.panels + place / kPanel * segment.panel_stride + place % kPanel;
      }
      const float* s = sigma + static_cast<std::size_t>(segment.offset) * kBlock + p;
      const std::size_t end = static_cast<std::size_t>(segment.queries) * kPanel;
      static_assert(kPanel == kBlock);
      for (std::size_t q = 0; q < end; q += kPanel) {
        const Vector value = hn::LoadU(d, s + q);
        for (std::size_t i = 0; i < kColumns; ++i)
          sum[i] = hn::MulAdd(hn::Set(d, column[i][q]), value, sum[i]);
      }
    }
    for (std::size_t i = 0; i < kColumns; ++i) hn::StoreU(sum[i], d, scores + i * kBlock + p);
  }
}

void block_scores(std::span<const Segment> segments, const int* places, int count, const float* sigma,
                  float* scores) {
  int i = 0;
  for (; i + 8 <= count; i += 8) score_columns<8>(segments, places + i, sigma, scores + i * kBlock);
  for (; i < count; i += 4) {
    int four[4];
    for (int j = 0; j < 4; ++j) four[j] = places[std::min(i + j, count - 1)];
    score_columns<4>(segments, four, sigma, scores + i * kBlock);
  }
}

void update_best(const float* scores, const int* classes, int count, float* best, std::int32_t* best_class) {
  const Tag d;
  const IntTag di;
  for (std::size_t p = 0; p < kBlock; p += hn::Lanes(d)) {
    Vector value = hn::LoadU(d, best + p);
    auto index = hn::LoadU(di, best_class + p);
    for (int i = 0; i < count; ++i) {
      const Vector score = hn::LoadU(d, scores + i * kBlock + p);
      const auto candidate = hn::Set(di, classes[i]);
      const auto better = hn::RebindMask(di, hn::Gt(score, value)),
                 tied = hn::And(hn::RebindMask(di, hn::Eq(score, value)), hn::Lt(candidate, index));
      value = hn::Max(value, score);
      index = hn::IfThenElse(hn::Or(better, tied), candidate, index);
    }
    hn::StoreU(value, d, best + p);
    hn::StoreU(index, di, best_class + p);
  }
}

/// Running best of one tile's columns, lane by lane.
struct Leaders {
  HWY_ALIGN float score[kPanel];
  HWY_ALIGN std::int32_t place[kPanel];
};

template <Bound kBound, std::size_t kPanels, std::size_t kTiles>
HWY_INLINE void refine_some(std::span<const Segment> segments, const Candidates* candidates,
                            BoundedTile* tiles, Leaders* leaders) {
  constexpr std::size_t kChunk = BoundedTile::kQueryChunk;
  const Tag d;
  const IntTag di;
  const std::size_t lanes = hn::Lanes(d);
  std::uint32_t kept[kPanels][kTiles] = {};
  for (std::size_t lane = 0; lane < kPanel; lane += lanes) {
    Vector score[kPanels][kTiles], lead[kPanels][kTiles];
    for (std::size_t i = 0; i < kPanels; ++i)
      for (std::size_t t = 0; t < kTiles; ++t) score[i][t] = lead[i][t] = hn::Zero(d);
    for (const Segment& segment : segments) {
      const float* panel[kPanels];
      for (std::size_t i = 0; i < kPanels; ++i)
        panel[i] =
            segment.panels + static_cast<std::size_t>(candidates[i].panel) * segment.panel_stride + lane;
      const auto last = static_cast<std::size_t>(segment.offset + segment.queries);
      for (auto q = static_cast<std::size_t>(segment.offset); q < last;) {
        const BoundedTile::Chunk* chunk[kTiles];
        for (std::size_t t = 0; t < kTiles; ++t) chunk[t] = &tiles[t].chunks[q / kChunk];
        const std::size_t begin = q % kChunk, end = std::min(kChunk, begin + last - q);
        q += end - begin;
        for (std::size_t c = begin; c < end; ++c) {
          Vector column[kPanels];
          for (std::size_t i = 0; i < kPanels; ++i) {
            column[i] = hn::LoadU(d, panel[i]);
            panel[i] += kPanel;
          }
          for (std::size_t t = 0; t < kTiles; ++t) {
            if constexpr (kBound == Bound::kValue) {
              const Vector highest = hn::Set(d, chunk[t]->highest[c]);
              for (std::size_t i = 0; i < kPanels; ++i)
                score[i][t] = hn::MulAdd(column[i], highest, score[i][t]);
            } else {
              const Vector lowest = hn::Set(d, chunk[t]->lowest[c]),
                           favourite = hn::Set(d, chunk[t]->favourite[c]),
                           range = hn::Set(d, chunk[t]->range[c]);
              for (std::size_t i = 0; i < kPanels; ++i) {
                score[i][t] = hn::MulAdd(column[i], lowest, score[i][t]);
                lead[i][t] = hn::MulAdd(hn::Max(column[i], favourite), range, lead[i][t]);
              }
            }
          }
        }
      }
    }
    for (std::size_t t = 0; t < kTiles; ++t) {
      Vector most = hn::Load(d, leaders[t].score + lane);
      auto place = hn::Load(di, leaders[t].place + lane);
      const Vector least = hn::Set(d, tiles[t].least);
      for (std::size_t i = 0; i < kPanels; ++i) {
        const Vector sum = hn::Add(score[i][t], lead[i][t]);
        std::uint8_t bits[8] = {};
        hn::StoreMaskBits(d, hn::Ge(sum, least), bits);
        kept[i][t] |= (bits[0] | std::uint32_t{bits[1]} << 8) << lane;
        const auto better = hn::Gt(sum, most);
        most = hn::IfThenElse(better, sum, most);
        const auto here = hn::Iota(di, candidates[i].panel * kPanel + static_cast<int>(lane));
        place = hn::IfThenElse(hn::RebindMask(di, better), here, place);
      }
      hn::Store(most, d, leaders[t].score + lane);
      hn::Store(place, di, leaders[t].place + lane);
    }
  }
  for (std::size_t i = 0; i < kPanels; ++i)
    for (std::size_t t = 0; t < kTiles; ++t)
      if (const std::uint32_t mask = kept[i][t] & candidates[i].mask; mask != 0)
        tiles[t].kept->push_back({candidates[i].panel, mask});
}

template <Bound kBound, std::size_t kPanels, std::size_t kTiles>
HWY_INLINE void refine_all(std::span<const Segment> segments, std::span<const Candidates> candidates,
                           BoundedTile* tiles, Leaders* leaders) {
  std::size_t i = 0;
  for (; i + kPanels <= candidates.size(); i += kPanels)
    refine_some<kBound, kPanels, kTiles>(segments, &candidates[i], tiles, leaders);
  for (; i < candidates.size(); ++i) refine_some<kBound, 1, kTiles>(segments, &candidates[i], tiles, leaders);
}

template <Bound kBound>
HWY_INLINE void refine_by(std::span<const Segment> segments, std::span<const Candidates> candidates,
                          std::span<BoundedTile> tiles) {
#if HWY_ARCH_X86 && HWY_TARGET > HWY_AVX3
  constexpr std::size_t kFew = 1;  // sixteen registers
#else
  constexpr std::size_t kFew = 2;
#endif
  Leaders leaders[kTilesAtOnce];
  for (std::size_t t = 0; t < tiles.size(); ++t) {
    std::fill_n(leaders[t].score, kPanel, std::numeric_limits<float>::lowest());
    std::fill_n(leaders[t].place, kPanel, -1);
    tiles[t].kept->clear();
  }
  // Eight sums at a time hide the latency of a multiply-add.
  switch (tiles.size()) {
    case 1:
      refine_all<kBound, kBound == Bound::kValue ? 4 * kFew : 4, 1>(segments, candidates, tiles.data(),
                                                                    leaders);
      break;
    case 2:
      refine_all<kBound, 2 * kFew, 2>(segments, candidates, tiles.data(), leaders);
      break;
    case 3:
      refine_all<kBound, kFew, 3>(segments, candidates, tiles.data(), leaders);
      break;
    default:
      refine_all<kBound, kFew, 4>(segments, candidates, tiles.data(), leaders);
  }
  for (std::size_t t = 0; t < tiles.size(); ++t)
    tiles[t].best =
        leaders[t].place[std::max_element(leaders[t].score, leaders[t].score + kPanel) - leaders[t].score];
}

void refine(Bound bound, std::span<const Segment> segments, std::span<const Candidates> candidates,
            std::span<BoundedTile> tiles) {
  if (bound == Bound::kValue)
    refine_by<Bound::kValue>(segments, candidates, tiles);
  else
    refine_by<Bound::kDifference>(segments, candidates, tiles);
}

void set_bounds(const float* lowest, const float* highest, std::size_t count,
                std::span<BoundedTile::Chunk> chunks) {
  const Tag d;
  for (std::size_t q = 0; q < count; q += hn::Lanes(d)) {
    BoundedTile::Chunk& chunk = chunks[q / BoundedTile::kQueryChunk];
    const std::size_t i = q % BoundedTile::kQueryChunk;
    const Vector low = hn::LoadU(d, lowest + q), high = hn::LoadU(d, highest + q);
    hn::StoreU(low, d, chunk.lowest + i);
    hn::StoreU(high, d, chunk.highest + i);
    hn::StoreU(hn::Mul(hn::Sub(high, low), hn::Set(d, 1.0f + 0x1p-22f)), d, chunk.range + i);
  }
}

float dot(const float* a, const float* b, std::size_t count) {
  const Tag d;
  Vector sum = hn::Zero(d);
  for (std::size_t i = 0; i < count; i += hn::Lanes(d))
    sum = hn::MulAdd(hn::LoadU(d, a + i), hn::LoadU(d, b + i), sum);
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

void softmax(const float* logits, std::size_t count, double* powers, float* result) {
#if HWY_HAVE_FLOAT64
  const hn::CappedTag<double, 8> d;
  const hn::Rebind<float, decltype(d)> df;
  const std::size_t lanes = hn::Lanes(d), whole = count / lanes * lanes;
#else
  const std::size_t whole = 0;
#endif
  const double largest = static_cast<double>(*std::max_element(logits, logits + count));
  double sum = 0.0;
#if HWY_HAVE_FLOAT64
  auto sums = hn::Zero(d);
  for (std::size_t i = 0; i < whole; i += lanes) {
    const auto power = hn::Exp(d, hn::Sub(hn::PromoteTo(d, hn::LoadU(df, logits + i)), hn::Set(d, largest)));
    hn::StoreU(power, d, powers + i);
    sums = hn::Add(sums, power);
  }
  sum = hn::GetLane(hn::SumOfLanes(d, sums));
#endif
  for (std::size_t i = whole; i < count; ++i)
    sum += powers[i] = std::exp(static_cast<double>(logits[i]) - largest);
  // Denormal numbers are slow, and a class this improbable cannot win.
  const double least = static_cast<double>(std::numeric_limits<float>::min());
  for (std::size_t i = 0; i < count; ++i) {
    const double p = powers[i] / sum;
    result[i] = p < least ? 0.0f : static_cast<float>(p);
  }
}

}  // namespace san::head::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace san::head {
HWY_EXPORT(sigma_bounds);
HWY_EXPORT(block_sigmas);
HWY_EXPORT(block_scores);
HWY_EXPORT(update_best);
HWY_EXPORT(refine);
HWY_EXPORT(dot);
HWY_EXPORT(set_bounds);
HWY_EXPORT(softmax);

void sigma_bounds(const float* grid, std::size_t stride, std::span<const GridTerm> terms,
                  std::size_t terms_per_point, float slack, float* lowest, float* highest) {
  HWY_DYNAMIC_DISPATCH(sigma_bounds)(grid, stride, terms, terms_per_point, slack, lowest, highest);
}
void block_sigmas(const float* grid, std::size_t stride, int queries, std::span<const std::size_t> cells,
                  const float* weights, float* sigma) {
  HWY_DYNAMIC_DISPATCH(block_sigmas)(grid, stride, queries, cells, weights, sigma);
}
void block_scores(std::span<const Segment> segments, const int* places, int count, const float* sigma,
                  float* scores) {
  HWY_DYNAMIC_DISPATCH(block_scores)(segments, places, count, sigma, scores);
}
void update_best(const float* scores, const int* classes, int count, float* best, std::int32_t* best_class) {
  HWY_DYNAMIC_DISPATCH(update_best)(scores, classes, count, best, best_class);
}
void refine(Bound bound, std::span<const Segment> segments, std::span<const Candidates> candidates,
            std::span<BoundedTile> tiles) {
  HWY_DYNAMIC_DISPATCH(refine)(bound, segments, candidates, tiles);
}
void set_bounds(const float* lowest, const float* highest, std::size_t count,
                std::span<BoundedTile::Chunk> chunks) {
  HWY_DYNAMIC_DISPATCH(set_bounds)(lowest, highest, count, chunks);
}
float dot(const float* a, const float* b, std::size_t count) {
  return HWY_DYNAMIC_DISPATCH(dot)(a, b, count);
}
void softmax(const float* logits, std::size_t count, double* powers, float* result) {
  HWY_DYNAMIC_DISPATCH(softmax)(logits, count, powers, result);
}
}  // namespace san::head
#endif
