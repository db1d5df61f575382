#pragma once
#include <memory>
#include <vector>

#include "method/san_masks.h"

namespace san {

struct ClusterOptions {
  float alike = 0.9f;  ///< cosine that embeddings of one cluster have with its centre, at least
  float share = 0.7f;  ///< of the cluster's mean in a query's embedding
};

/// Steadies the frames of a whole clip, each by all of them: queries whose embeddings are alike are one
/// thing, seen at different times, and take the mean of what was seen. Two passes: add() every frame, then
/// steady() every frame.
class QueryClusters {
 public:
  /// Throws Error on shares outside 0 … 1.
  explicit QueryClusters(const ClusterOptions& options);
  /// Remembers the embeddings of queries whose masks cover something. Memory: that of the centres, which
  /// grows with what there is to see, not with the clip. Throws Error as matchable(), and after the first
  /// steady().
  void add(const Features& seen);
  /// The features with steadied embeddings; masks stay.
  std::shared_ptr<const Features> steady(const Features& seen);
  std::size_t clusters() const { return clusters_.size(); }

 private:
  struct Cluster {
    std::vector<double> sum;    ///< of embeddings, by the area of their masks
    std::vector<float> centre;  ///< of length 1
    double weight = 0;
  };
  /// The cluster whose centre is nearest, with its cosine; null when there is none.
  Cluster* nearest(const float* embedding, float& cosine);
  void join(Cluster& cluster, const float* embedding, double weight) const;

  ClusterOptions options_;
  std::vector<Cluster> clusters_;
  bool closed_ = false;
};

}  // namespace san
