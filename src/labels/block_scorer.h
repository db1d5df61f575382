#pragma once
#include <vector>

#include "labels/class_tree.h"
#include "labels/head_plan.h"

namespace san::head {

/// Scores of the pixels of a block, computed in one order whatever else is computed; one per thread.
class BlockScorer {
 public:
  BlockScorer() = default;
  BlockScorer(const Plan& plan, const ClassTree& tree) { begin(plan, tree); }
  /// Another picture; both must outlive its pieces.
  void begin(const Plan& plan, const ClassTree& tree);

  /// From here on the views that cover `piece` count; returns whether they are others than before. Throws
  /// Error when there are none.
  bool look_at(const Region& piece);

  const std::vector<const PlannedView*>& views() const { return views_; }
  std::size_t queries() const { return queries_; }  ///< of all these views
  std::span<const Segment> leaves() const { return leaves_; }
  std::span<const Segment> branches() const { return branches_; }

  /// σ of every query times its view's weight, [queries, kBlock], pixels of the block row by row; kept until
  /// the next block.
  std::span<const float> sigmas(const Region& block);
  /// What the sum of the views' scores at a pixel of the block is divided by: their number, or what they
  /// weigh.
  float total_weight(const Region& block, int pixel) const;
  /// Scores of places of a segment list in the block, [places, kBlock].
  void scores(std::span<const Segment> segments, std::span<const int> places,
              std::vector<float>& result) const;

 private:
  void weigh(const PlannedView& view, const Region& block, int offset);

  const Plan* plan_ = nullptr;
  const ClassTree* tree_ = nullptr;
  std::vector<const PlannedView*> views_, found_;
  std::vector<Segment> leaves_, branches_;
  std::size_t queries_ = 0;
  bool weighted_ = false;
  std::vector<std::size_t> cells_;
  std::vector<float> weights_, sigma_;
};

}  // namespace san::head
