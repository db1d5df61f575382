#include "labels/block_scorer.h"

namespace san::head {

bool BlockScorer::look_at(const Region& piece) {
  std::vector<const PlannedView*> views = plan_.covering(piece);
  if (views == views_) return false;
  views_ = std::move(views);
  leaves_.clear();
  branches_.clear();
  queries_ = 0;
  for (const PlannedView* view : views_) {
    const auto index = static_cast<std::size_t>(view - plan_.views.data());
    leaves_.push_back(tree_.leaf_segment(index));
    branches_.push_back(tree_.branch_segment(index));
    leaves_.back().offset = branches_.back().offset = static_cast<int>(queries_);
    queries_ += static_cast<std::size_t>(view->queries);
  }
  sigma_.assign(queries_ * kBlock, 0.0f);
  return true;
}

std::span<const float> BlockScorer::sigmas(const Region& block) {
  for (std::size_t v = 0; v < views_.size(); ++v) {
    const PlannedView& view = *views_[v];
    view.block_cells(within(view, block), cells_, weights_);
    block_sigmas(view.grid.data(), static_cast<std::size_t>(view.stride), view.queries, cells_,
                 weights_.data(), &sigma_[static_cast<std::size_t>(leaves_[v].offset) * kBlock]);
  }
  return sigma_;
}

void BlockScorer::scores(std::span<const Segment> segments, std::span<const int> places,
                         std::vector<float>& result) const {
  const std::size_t room = (places.size() + 3) / 4 * 4 * kBlock;
  if (result.size() < room) result.resize(room);
  block_scores(segments, places.data(), static_cast<int>(places.size()), sigma_.data(), result.data());
}

}  // namespace san::head
