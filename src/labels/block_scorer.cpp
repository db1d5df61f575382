#include "labels/block_scorer.h"

namespace san::head {

void BlockScorer::begin(const Plan& plan, const ClassTree& tree) {
  plan_ = &plan, tree_ = &tree;
  views_.clear();
  cells_.reserve(kMostCells * kMostCells);
  weights_.reserve(kMostCells * kMostCells * kBlock);
}

bool BlockScorer::look_at(const Region& piece) {
  plan_->covering(piece, found_);
  if (found_ == views_) return false;
  std::swap(views_, found_);
  leaves_.clear();
  branches_.clear();
  queries_ = 0;
  weighted_ = false;
  for (const PlannedView* view : views_) {
    const auto index = static_cast<std::size_t>(view - plan_->views.data());
    leaves_.push_back(tree_->leaf_segment(index));
    branches_.push_back(tree_->branch_segment(index));
    leaves_.back().offset = branches_.back().offset = static_cast<int>(queries_);
    queries_ += static_cast<std::size_t>(view->queries);
    weighted_ |= !view->weighs_one();
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
    if (!view.weighs_one()) weigh(view, within(view, block), leaves_[v].offset);
  }
  return sigma_;
}

void BlockScorer::weigh(const PlannedView& view, const Region& block, int offset) {
  float weight[kBlock] = {};
  for (int p = 0; p < block.height * block.width; ++p)
    weight[p] = view.weight_at(block.y + p / block.width, block.x + p % block.width);
  float* sigma = &sigma_[static_cast<std::size_t>(offset) * kBlock];
  for (int q = 0; q < view.queries; ++q, sigma += kBlock)
    for (int p = 0; p < kBlock; ++p) sigma[p] *= weight[p];
}

float BlockScorer::total_weight(const Region& block, int pixel) const {
  if (!weighted_) return static_cast<float>(views_.size());
  float sum = 0.0f;
  for (const PlannedView* view : views_) {
    const Region inside = within(*view, block);
    sum += view->weight_at(inside.y + pixel / block.width, inside.x + pixel % block.width);
  }
  return sum;
}

void BlockScorer::scores(std::span<const Segment> segments, std::span<const int> places,
                         std::vector<float>& result) const {
  const std::size_t room = (places.size() + 3) / 4 * 4 * kBlock;
  if (result.size() < room) result.resize(room);
  block_scores(segments, places.data(), static_cast<int>(places.size()), sigma_.data(), result.data());
}

}  // namespace san::head
