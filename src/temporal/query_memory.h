#pragma once
#include <memory>
#include <span>
#include <vector>

#include "base/recycling.h"
#include "method/san_masks.h"

/// What frames of one video have in common: the network's queries, before any words.
namespace san {

/// Of each query of `now` the query of `before` that shows the same; -1: none. One to one: the pair that is
/// most alike first. Likeness is half the overlap of the soft masks (Σ min σ / Σ max σ), half the cosine of
/// the embeddings, and a little more for queries of one number, which decides between equals.
struct QueryMatch {
  int before = -1;
  float likeness = 0, overlap = 0;
};
class QueryMatcher {
 public:
  /// One for each query of `now`; lives until the next call, whose frames use the memory again. Throws Error
  /// on frames of different sizes.
  const std::vector<QueryMatch>& run(const MaskFeatures& before, const MaskFeatures& now, float least);

 private:
  struct Pair {
    float likeness, overlap;
    int before, now;
  };
  std::vector<float> past_, present_;  ///< soft masks
  std::vector<Pair> pairs_;
  std::vector<char> taken_;
  std::vector<QueryMatch> matches_;
};

/// A copy whose values are free to be changed, in memory of the recycler's.
std::unique_ptr<MaskFeatures> copied(const MaskFeatures& features, Recycler<MaskFeatures>& recycler);

struct MemoryOptions {
  float decay = 0.85f;      ///< share of the past in a query's embedding, once there is that much of a past
  float mask_decay = 0.3f;  ///< the same of its mask logits, where the masks lie on each other
  float least = 0.75f;      ///< likeness that a match needs
  float cut = 0.45f;        ///< likeness of all the picture, below which another scene has begun
};

/// Steadies the frames of a stream, each by those before it. An average of a query's embeddings is one of its
/// class logits, for any words, since these are their products with the classifier.
class QueryMemory {
 public:
  /// Throws Error on shares outside 0 … 1.
  explicit QueryMemory(const MemoryOptions& options);
  /// The features of the next frame, steadied. Of a frame of another size, and after a cut, as they are.
  /// Throws Error on features of a method whose queries cannot be matched.
  std::shared_ptr<const Features> next(const std::shared_ptr<const Features>& seen);
  /// Whether the latest frame was the first of a scene.
  bool began_scene() const { return began_; }
  void forget() { latest_.reset(); }

  /// All that the next frame is steadied by: what is restored elsewhere goes on as it would have here.
  struct State {
    std::shared_ptr<const MaskFeatures> latest;  ///< null: nothing yet
    std::vector<int> ages;                       ///< one for each of its queries
  };
  State state() const { return {latest_, ages_}; }
  void restore(State state);

 private:
  MemoryOptions options_;
  std::shared_ptr<const MaskFeatures> latest_;  ///< steadied
  std::vector<int> ages_, new_ages_;            ///< frames that stand behind a query of it
  QueryMatcher matcher_;
  Recycler<MaskFeatures> recycler_;
  bool began_ = true;
};

/// The masks and embeddings of `features`; throws Error where the method has none that can be matched.
const MaskFeatures& matchable(const Features& features);

}  // namespace san
