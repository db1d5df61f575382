#pragma once
#include <memory>
#include <vector>

#include "base/recycling.h"
#include "method/san_masks.h"

namespace san {

struct ClusterOptions {
  float alike = 0.97f;  ///< cosine that embeddings of one cluster have with its centre, at least
  float share = 0.5f;   ///< of the cluster's mean in a query's embedding
};

/// Steadies the frames of a whole clip, each by all of them: queries of different frames whose embeddings are
/// alike are one thing, seen at different times, and take the mean of what was seen. Queries of one frame are
/// always different things, so a still clip stays as it is. Two passes: add() every frame, then steady()
/// every frame.
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
    int latest = 0;  ///< the frame that its newest query is of, from 1
  };
  /// The cluster whose centre is nearest, of those that have no query of that frame, with its cosine; null
  /// when there is none.
  Cluster* nearest(const float* embedding, int frame, float& cosine);
  void join(Cluster& cluster, const float* embedding, double weight) const;

  ClusterOptions options_;
  std::vector<Cluster> clusters_;
  int frames_ = 0;
  bool closed_ = false;
  Recycler<MaskFeatures> recycler_;
};

}  // namespace san
