#include "labels/mask_proposals.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "labels/head_plan.h"

namespace san {
namespace {

float sum_of(const AxisWeights::Taps& taps, const float* values, std::size_t step) {
  float sum = 0.0f;
  for (std::size_t t = 0; t < static_cast<std::size_t>(taps.count); ++t)
    sum += taps.weight[t] * values[static_cast<std::size_t>(taps.index[t]) * step];
  return sum;
}

/// Sets mask and mask_score from the query's logits [grid cells].
void fill_mask(MaskProposal& proposal, const head::PlannedView& view, const float* logits, float threshold) {
  const float least = std::log(threshold / (1.0f - threshold));
  const auto grid_width = static_cast<std::size_t>(view.grid_width);
  std::vector<std::uint8_t> mask;
  std::vector<float> row(grid_width);
  double sum = 0.0;
  for (const AxisWeights::Taps& y : view.rows.taps) {
    for (std::size_t c = 0; c < grid_width; ++c) row[c] = sum_of(y, logits + c, grid_width);
    for (const AxisWeights::Taps& x : view.columns.taps) {
      const float logit = sum_of(x, row.data(), 1);
      mask.push_back(logit >= least ? 1 : 0);
      if (logit >= least) sum += 1.0f / (1.0f + std::exp(-logit));
    }
  }
  proposal.mask = encode_rle(mask, view.region.height, view.region.width);
  proposal.mask_score =
      static_cast<float>(sum / static_cast<double>(std::max<std::int64_t>(1, proposal.mask.area())));
}

}  // namespace

std::vector<MaskProposal> mask_proposals(const HeadView& view, int height, int width,
                                         const HeadOptions& options, const ProposalOptions& proposal_options,
                                         ThreadPool& pool) {
  const float threshold = proposal_options.threshold;
  require(threshold > 0.0f && threshold < 1.0f,
          "mask proposals: the threshold must lie inside (0, 1), got {}", threshold);
  require(!view.is_grid(), "mask proposals: this method makes no masks, only a label for every pixel");
  const head::Plan plan(std::span(&view, 1), height, width, options);
  require(!plan.partial, "mask proposals: the view covers only a part of the output");
  const std::vector<float> p = class_probabilities(view.class_logits, view.queries, options, pool);
  const auto columns = static_cast<std::ptrdiff_t>(options.classes) + 1;
  const std::size_t cells = view.mask_logits.size() / static_cast<std::size_t>(view.queries);
  std::vector<std::optional<MaskProposal>> found(static_cast<std::size_t>(view.queries));
  pool.parallel_for(view.queries, 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto q = static_cast<int>(begin); q < end; ++q) {
      const auto row = p.begin() + q * columns, best = std::max_element(row, row + options.classes);
      if (*best < proposal_options.min_class_score || best - row >= options.asked()) continue;
      MaskProposal proposal{q, static_cast<int>(best - row), *best, 0.0f, {}};
      const auto i = static_cast<std::size_t>(q);
      fill_mask(proposal, plan.views.front(), view.mask_logits.data() + i * cells, threshold);
      if (proposal.mask.area() > 0) found[i] = std::move(proposal);
    }
  });
  std::vector<MaskProposal> result;
  for (auto& proposal : found)
    if (proposal) result.push_back(std::move(*proposal));
  std::stable_sort(result.begin(), result.end(),
                   [](const MaskProposal& a, const MaskProposal& b) { return a.score() > b.score(); });
  return result;
}

}  // namespace san
