#include "temporal/query_memory.h"

#include <algorithm>
#include <cmath>
#include <typeinfo>
#include <utility>

#include "base/error.h"

namespace san {
namespace {

constexpr float kSameNumber = 0.02f;

std::size_t queries_of(const MaskFeatures& f) {
  return static_cast<std::size_t>(f.view.queries);
}
std::size_t cells_of(const MaskFeatures& f) {
  return f.masks.size() / queries_of(f);
}
std::size_t channels_of(const MaskFeatures& f) {
  return f.embeddings.size() / queries_of(f);
}

void soften(const MaskFeatures& f, std::vector<float>& soft) {
  soft.resize(f.masks.size());
  std::ranges::transform(f.masks, soft.begin(), [](float logit) { return 1.0f / (1.0f + std::exp(-logit)); });
}

float overlap(const float* a, const float* b, std::size_t cells) {
  float both = 0, either = 0;
  for (std::size_t i = 0; i < cells; ++i) {
    both += std::min(a[i], b[i]);
    either += std::max(a[i], b[i]);
  }
  return either > 0 ? both / either : 0;
}

float cosine(const float* a, const float* b, std::size_t channels) {
  float ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < channels; ++i) ab += a[i] * b[i], aa += a[i] * a[i], bb += b[i] * b[i];
  return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 0;
}

bool alike_in_shape(const MaskFeatures& a, const MaskFeatures& b) {
  return a.masks.size() == b.masks.size() && a.embeddings.size() == b.embeddings.size() &&
         a.view.grid_height == b.view.grid_height && a.view.queries == b.view.queries &&
         a.view.content_height == b.view.content_height && a.view.content_width == b.view.content_width &&
         a.height == b.height && a.width == b.width;
}

/// How much of the picture shows what the frame before showed: the likeness of matches, by the area of the
/// masks.
float likeness_of_picture(const MaskFeatures& now, std::span<const QueryMatch> matches) {
  const std::size_t cells = cells_of(now);
  double alike = 0, all = 0;
  for (std::size_t q = 0; q < matches.size(); ++q) {
    const float* mask = &now.masks[q * cells];
    const auto area =
        static_cast<double>(std::count_if(mask, mask + cells, [](float logit) { return logit > 0; }));
    all += area;
    if (matches[q].before >= 0) alike += area * static_cast<double>(matches[q].overlap);
  }
  return all > 0 ? static_cast<float>(alike / all) : 1.0f;
}

}  // namespace

const MaskFeatures& matchable(const Features& features) {
  // Not what derives from it: the baseline that cuts masks out names only some of the queries.
  require(typeid(features) == typeid(MaskFeatures),
          "temporal: only method san has queries that can be followed from frame to frame");
  return static_cast<const MaskFeatures&>(features);
}

const std::vector<QueryMatch>& QueryMatcher::run(const MaskFeatures& before, const MaskFeatures& now,
                                                 float least) {
  require(alike_in_shape(before, now), "temporal: features of frames of different sizes");
  const std::size_t queries = queries_of(now), cells = cells_of(now), channels = channels_of(now);
  soften(before, past_);
  soften(now, present_);
  pairs_.clear();
  pairs_.reserve(queries * queries);  // of the most alike frames
  for (std::size_t n = 0; n < queries; ++n)
    for (std::size_t b = 0; b < queries; ++b) {
      const float shared = overlap(&past_[b * cells], &present_[n * cells], cells);
      const float alike =
          0.5f * shared +
          0.5f * cosine(&before.embeddings[b * channels], &now.embeddings[n * channels], channels) +
          (b == n ? kSameNumber : 0.0f);
      if (alike >= least) pairs_.push_back({alike, shared, static_cast<int>(b), static_cast<int>(n)});
    }
  std::ranges::sort(pairs_, [](const Pair& x, const Pair& y) {
    return x.likeness != y.likeness ? x.likeness > y.likeness
                                    : std::pair(x.now, x.before) < std::pair(y.now, y.before);
  });
  matches_.assign(queries, {});
  taken_.assign(queries, 0);
  for (const Pair& p : pairs_) {
    QueryMatch& match = matches_[static_cast<std::size_t>(p.now)];
    if (match.before >= 0 || taken_[static_cast<std::size_t>(p.before)] != 0) continue;
    match = {p.before, p.likeness, p.overlap};
    taken_[static_cast<std::size_t>(p.before)] = 1;
  }
  return matches_;
}

std::unique_ptr<MaskFeatures> copied(const MaskFeatures& from, Recycler<MaskFeatures>& recycler) {
  std::unique_ptr<MaskFeatures> copy = recycler.idle();
  if (copy == nullptr) copy = std::make_unique<MaskFeatures>();
  copy->height = from.height, copy->width = from.width;
  copy->view = from.view;
  copy->guide = from.guide;
  copy->resize_ms = from.resize_ms, copy->look_ms = from.look_ms;
  copy->masks = from.masks;
  copy->embeddings = from.embeddings;
  copy->view.mask_logits = copy->masks;
  return copy;
}

QueryMemory::QueryMemory(const MemoryOptions& options) : options_(options) {
  for (const float share : {options.decay, options.mask_decay, options.least, options.cut})
    require(share >= 0 && share <= 1, "temporal: a share of {}; expected 0 to 1", share);
}

void QueryMemory::restore(State state) {
  require(state.latest == nullptr || state.ages.size() == queries_of(*state.latest),
          "temporal: {} ages for the queries of a frame", state.ages.size());
  latest_ = std::move(state.latest), ages_ = std::move(state.ages);
  began_ = latest_ == nullptr;
}

std::shared_ptr<const Features> QueryMemory::next(const std::shared_ptr<const Features>& seen) {
  const MaskFeatures& now = matchable(*seen);
  const std::size_t queries = queries_of(now), cells = cells_of(now), channels = channels_of(now);
  std::span<const QueryMatch> matches;
  began_ = latest_ == nullptr || !alike_in_shape(*latest_, now);
  if (!began_) {
    matches = matcher_.run(*latest_, now, options_.least);
    began_ = likeness_of_picture(now, matches) < options_.cut;
  }
  std::unique_ptr<MaskFeatures> steady = copied(now, recycler_);
  new_ages_.assign(queries, 1);
  for (std::size_t q = 0; q < queries && !began_; ++q) {
    const QueryMatch& match = matches[q];
    if (match.before < 0) continue;
    const auto b = static_cast<std::size_t>(match.before);
    const auto age = static_cast<float>(ages_[b]);
    new_ages_[q] = ages_[b] + 1;
    const float past = std::min(options_.decay, age / (age + 1));  // a plain mean at first
    for (std::size_t i = 0; i < channels; ++i) {
      float& value = steady->embeddings[q * channels + i];
      value += past * (latest_->embeddings[b * channels + i] - value);
    }
    // Masks of what moves do not lie on each other; an average of them would trail behind.
    const float still = std::max(0.0f, 2 * match.overlap - 1);
    const float past_mask = std::min(options_.mask_decay * still, age / (age + 1));
    if (past_mask <= 0) continue;
    for (std::size_t i = 0; i < cells; ++i) {
      float& value = steady->masks[q * cells + i];
      value += past_mask * (latest_->masks[b * cells + i] - value);
    }
  }
  std::swap(ages_, new_ages_);
  latest_ = recycler_.share(std::move(steady));
  return latest_;
}

}  // namespace san
