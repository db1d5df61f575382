#include "temporal/query_clusters.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "temporal/query_memory.h"

namespace san {
namespace {

constexpr std::size_t kMostClusters = 4096;

float length(const float* values, std::size_t count) {
  return std::sqrt(std::inner_product(values, values + count, values, 0.0f));
}

}  // namespace

QueryClusters::QueryClusters(const ClusterOptions& options) : options_(options) {
  for (const float share : {options.alike, options.share})
    require(share >= 0 && share <= 1, "temporal: a share of {}; expected 0 to 1", share);
}

QueryClusters::Cluster* QueryClusters::nearest(const float* embedding, int frame, float& cosine) {
  Cluster* best = nullptr;
  cosine = -1;
  for (Cluster& c : clusters_) {
    if (c.latest == frame) continue;
    const float size = length(embedding, c.centre.size());
    const float likeness =
        size > 0 ? std::inner_product(c.centre.begin(), c.centre.end(), embedding, 0.0f) / size : 0.0f;
    if (likeness > cosine) cosine = likeness, best = &c;
  }
  return best;
}

void QueryClusters::join(Cluster& c, const float* embedding, double weight) const {
  for (std::size_t i = 0; i < c.sum.size(); ++i) c.sum[i] += weight * static_cast<double>(embedding[i]);
  c.weight += weight;
  const double size = std::sqrt(std::inner_product(c.sum.begin(), c.sum.end(), c.sum.begin(), 0.0));
  for (std::size_t i = 0; i < c.sum.size(); ++i)
    c.centre[i] = size > 0 ? static_cast<float>(c.sum[i] / size) : 0.0f;
}

void QueryClusters::add(const Features& seen) {
  require(!closed_, "temporal: a frame is added to a clip after another was steadied");
  const MaskFeatures& f = matchable(seen);
  const auto queries = static_cast<std::size_t>(f.view.queries);
  const std::size_t cells = f.masks.size() / queries, channels = f.embeddings.size() / queries;
  require(clusters_.empty() || clusters_[0].centre.size() == channels,
          "temporal: features of another model in one clip");
  ++frames_;
  for (std::size_t q = 0; q < queries; ++q) {
    const float* mask = &f.masks[q * cells];
    const auto area = std::count_if(mask, mask + cells, [](float logit) { return logit > 0; });
    if (area == 0) continue;
    const float* embedding = &f.embeddings[q * channels];
    float likeness = 0;
    Cluster* cluster = nearest(embedding, frames_, likeness);
    if (cluster == nullptr || likeness < options_.alike) {
      if (clusters_.size() == kMostClusters) continue;
      clusters_.push_back({std::vector<double>(channels, 0.0), std::vector<float>(channels, 0.0f), 0, 0});
      cluster = &clusters_.back();
    }
    join(*cluster, embedding, static_cast<double>(area));
    cluster->latest = frames_;
  }
}

std::shared_ptr<const Features> QueryClusters::steady(const Features& seen) {
  closed_ = true;
  const MaskFeatures& f = matchable(seen);
  const auto queries = static_cast<std::size_t>(f.view.queries);
  const std::size_t channels = f.embeddings.size() / queries;
  std::unique_ptr<MaskFeatures> steady = copied(f, recycler_);
  for (std::size_t q = 0; q < queries; ++q) {
    float likeness = 0;
    float* embedding = &steady->embeddings[q * channels];
    const Cluster* cluster = nearest(embedding, -1, likeness);
    if (cluster == nullptr || cluster->centre.size() != channels || likeness < options_.alike) continue;
    for (std::size_t i = 0; i < channels; ++i)
      embedding[i] += options_.share * (static_cast<float>(cluster->sum[i] / cluster->weight) - embedding[i]);
  }
  return recycler_.share(std::move(steady));
}

}  // namespace san
