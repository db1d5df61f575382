#include "labels/segmentation_head.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <mutex>
#include <numeric>

#include "base/error.h"
#include "labels/grid_scores.h"
#include "labels/refine.h"
#include "labels/tile_labeler.h"

namespace san {
namespace {

/// Where the output is cut, and one worker for every thread, which keeps what it learns from piece to piece.
template <class Worker>
struct Pieces {
  std::vector<int> ys, xs;
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<Worker*> idle;

  /// `begin` is called with each worker.
  template <class Begin>
  void cut(const head::Plan& plan, const ThreadPool& pool, const Begin& begin) {
    plan.row_cuts(head::TileLabeler::kPieceHeight, ys);
    plan.column_cuts(head::TileLabeler::kPieceWidth, xs);
    while (workers.size() < static_cast<std::size_t>(pool.size()))
      workers.push_back(std::make_unique<Worker>());
    idle.clear();
    for (const auto& worker : workers) begin(*worker), idle.push_back(worker.get());
  }

  /// Calls body(piece, worker) for the pieces between the cuts.
  template <class Body>
  void run(ThreadPool& pool, const Body& body) {
    const auto across = static_cast<std::int64_t>(xs.size()) - 1;
    const std::int64_t count = (static_cast<std::int64_t>(ys.size()) - 1) * across;
    std::mutex mutex;
    pool.parallel_for(count, 1, [&](std::int64_t begin, std::int64_t end) {
      std::unique_lock lock(mutex);
      Worker* worker = idle.back();
      idle.pop_back();
      lock.unlock();
      for (std::int64_t i = begin; i < end; ++i) {
        const auto y = static_cast<std::size_t>(i / across), x = static_cast<std::size_t>(i % across);
        body(Region{ys[y], xs[x], ys[y + 1] - ys[y], xs[x + 1] - xs[x]}, *worker);
      }
      lock.lock();
      idle.push_back(worker);
    });
  }
};

/// That a label must have.
float least_score(const HeadOptions& options) {
  if (!options.curve.known()) return options.min_score;
  const double least = options.curve.score_of(static_cast<double>(options.min_score));
  // Scores can pass 1 by what masks overlap, and count as 1.
  return least > 1 ? std::numeric_limits<float>::infinity() : static_cast<float>(least);
}

/// What distractors won and what scores too little becomes "other"; counts the areas.
void settle(const HeadOptions& options, SegmentationResult& result) {
  const auto other = static_cast<Label>(options.asked());
  std::vector<Label>& labels = result.labels.labels;
  if (options.distractors > 0)
    for (Label& label : labels) label = std::min(label, other);
  if (options.min_score > 0) {
    const float least = least_score(options);
    for (std::size_t i = 0; i < labels.size(); ++i)
      if (result.label_scores[i] < least) labels[i] = other;
  }
  result.areas.assign(static_cast<std::size_t>(other) + 1, 0);
  for (const Label label : labels) ++result.areas[label];
}

}  // namespace

struct SegmentationHead::Memory {
  head::Plan plan;
  head::ClassTree tree;
  Pieces<head::TileLabeler> pieces;
};

SegmentationHead::SegmentationHead(ThreadPool& pool) : pool_(pool), memory_(std::make_unique<Memory>()) {}
SegmentationHead::SegmentationHead(SegmentationHead&&) noexcept = default;
SegmentationHead::~SegmentationHead() = default;

SegmentationResult SegmentationHead::run(std::span<const HeadView> views, int height, int width,
                                         const HeadOptions& options) {
  SegmentationResult result;
  run(views, height, width, options, result);
  return result;
}

void SegmentationHead::run(std::span<const HeadView> views, int height, int width, const HeadOptions& options,
                           SegmentationResult& result) {
  if (options.min_score > 0 && !options.label_scores) {  // they are needed, if only here
    HeadOptions scored = options;
    scored.label_scores = true;
    run(views, height, width, scored, result);
    result.label_scores.clear();
    return;
  }
  if (head::are_grids(views)) {
    result = head::label_grids(views, height, width, options, pool_);
    if (options.guide) refine_edges(views, options, *options.guide, pool_, result);
    settle(options, result);
    return;
  }
  Memory& m = *memory_;
  m.plan.make(views, height, width, options);
  m.tree.make(views, options, options.background == Background::kOther, pool_);
  result.labels.height = m.plan.height;
  result.labels.width = m.plan.width;
  result.labels.labels.resize(static_cast<std::size_t>(m.plan.height) *
                              static_cast<std::size_t>(m.plan.width));
  result.label_scores.resize(options.label_scores ? result.labels.labels.size() : 0);
  m.pieces.cut(m.plan, pool_, [&](head::TileLabeler& l) { l.begin(m.plan, m.tree, options, result); });
  m.pieces.run(pool_, [](const Region& piece, head::TileLabeler& labeler) { labeler.run(piece); });
  if (options.guide) refine_edges(views, options, *options.guide, pool_, result);
  settle(options, result);
}

std::vector<float> SegmentationHead::class_scores(std::span<const HeadView> views, int height, int width,
                                                  const HeadOptions& options,
                                                  std::span<const int> chosen) const {
  for (const int k : chosen)
    require(k >= 0 && k <= options.classes,
            "segmentation head: scores of class {} were asked for, but there are {}", k, options.classes);
  if (head::are_grids(views)) return head::grid_scores(views, height, width, options, chosen, pool_);
  const head::Plan plan(views, height, width, options);
  const std::size_t plane = static_cast<std::size_t>(plan.height) * static_cast<std::size_t>(plan.width);
  std::vector<float> result(plane * chosen.size());
  if (chosen.empty()) return result;
  const head::ClassTree tree(views, options, chosen, pool_);
  std::vector<int> places(chosen.size());
  std::iota(places.begin(), places.end(), 0);
  Pieces<head::BlockScorer> pieces;
  pieces.cut(plan, pool_, [&](head::BlockScorer& scorer) { scorer.begin(plan, tree); });
  pieces.run(pool_, [&](const Region& piece, head::BlockScorer& scorer) {
    scorer.look_at(piece);
    std::vector<float> scores;
    head::for_tiles(piece, head::kBlockSide, [&](const Region& block) {
      scorer.sigmas(block);
      scorer.scores(scorer.leaves(), places, scores);
      for (int p = 0; p < block.height * block.width; ++p) {
        const int y = block.y + p / block.width, x = block.x + p % block.width;
        const std::size_t at =
            static_cast<std::size_t>(y) * static_cast<std::size_t>(plan.width) + static_cast<std::size_t>(x);
        const float weight = scorer.total_weight(block, p);
        for (std::size_t k = 0; k < places.size(); ++k)
          result[k * plane + at] = scores[k * head::kBlock + static_cast<std::size_t>(p)] / weight;
      }
    });
  });
  return result;
}

}  // namespace san
