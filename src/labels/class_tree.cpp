#include "labels/class_tree.h"

#include <algorithm>
#include <numeric>

namespace san::head {
namespace {

/// Few classes are all looked at: their order does not matter.
constexpr std::size_t kUnordered = 4 * kPanel;

std::size_t round_up(std::size_t value, std::size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

void all_of(int columns, std::vector<Candidates>& result) {
  result.clear();
  for (int first = 0; first < columns; first += kPanel)
    result.push_back({first / kPanel, (1u << std::min(kPanel, columns - first)) - 1});
}

}  // namespace

/// Splits the classes in half by the query whose probabilities differ most among them, and the halves again,
/// down to leaves.
void ClassTree::order(std::size_t queries, std::size_t columns, ThreadPool& pool) {
  const std::vector<float>& probabilities = probabilities_.front();
  const std::size_t row = probabilities.size() / queries;
  classes_.resize(columns);
  std::iota(classes_.begin(), classes_.end(), 0);
  if (columns <= kUnordered) return;
  by_class_.resize(columns * queries);
  pool.parallel_for(static_cast<std::int64_t>(queries), 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::size_t k = 0; k < columns; ++k)
      for (auto q = static_cast<std::size_t>(begin); q < static_cast<std::size_t>(end); ++q)
        by_class_[k * queries + q] = probabilities[q * row + k];
  });
  ranges_.assign(1, {0, columns});
  while (!ranges_.empty()) {
    next_.assign(2 * ranges_.size(), {0, 0});
    pool.parallel_for(
        static_cast<std::int64_t>(ranges_.size()), 1, [&](std::int64_t begin, std::int64_t end) {
          for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
            const std::size_t middle = split(ranges_[i], queries);
            next_[2 * i] = {ranges_[i].begin, middle};
            next_[2 * i + 1] = {middle, ranges_[i].end};
          }
        });
    std::erase_if(next_, [](const Range& r) { return r.end - r.begin <= kPanel; });
    std::swap(ranges_, next_);
  }
}

std::size_t ClassTree::split(const Range& range, std::size_t queries) {
  const std::size_t count = range.end - range.begin, query = widest_query(range, queries);
  // Halves of whole branches while there are several, then of whole leaves.
  const std::size_t unit = count > 2 * kPanel * kPanel ? kPanel * kPanel : kPanel;
  const std::size_t middle = range.begin + std::min(round_up(count / 2, unit), count);
  const float* key = &probabilities_.front()[query * (probabilities_.front().size() / queries)];
  std::nth_element(
      classes_.begin() + static_cast<std::ptrdiff_t>(range.begin),
      classes_.begin() + static_cast<std::ptrdiff_t>(middle),
      classes_.begin() + static_cast<std::ptrdiff_t>(range.end),
      [key](std::int32_t a, std::int32_t b) { return key[a] != key[b] ? key[a] > key[b] : a < b; });
  return middle;
}

/// Of a sample of the classes.
std::size_t ClassTree::widest_query(const Range& range, std::size_t queries) const {
  thread_local std::vector<double> sums;
  sums.assign(2 * queries, 0.0);
  const std::size_t count = range.end - range.begin, step = std::max<std::size_t>(1, count / 32);
  double taken = 0;
  for (std::size_t i = range.begin; i < range.end; i += step, ++taken) {
    const float* value = &by_class_[static_cast<std::size_t>(classes_[i]) * queries];
    for (std::size_t q = 0; q < queries; ++q) {
      const auto v = static_cast<double>(value[q]);
      sums[q] += v;
      sums[queries + q] += v * v;
    }
  }
  std::size_t widest = 0;
  double most = -1.0;
  for (std::size_t q = 0; q < queries; ++q) {
    const double spread = sums[queries + q] - sums[q] * sums[q] / taken;
    if (spread > most) most = spread, widest = q;
  }
  return widest;
}

void ClassTree::find_probabilities(std::span<const HeadView> views, const HeadOptions& options,
                                   ThreadPool& pool) {
  probabilities_.resize(views.size());
  for (std::size_t v = 0; v < views.size(); ++v)
    class_probabilities(views[v].class_logits, views[v].queries, options, pool, probabilities_[v]);
}

void ClassTree::make(std::span<const HeadView> views, const HeadOptions& options, bool background,
                     ThreadPool& pool) {
  find_probabilities(views, options, pool);
  // Views show the same picture: what shares a leaf for the first does for the others.
  order(static_cast<std::size_t>(views.front().queries),
        static_cast<std::size_t>(options.classes + (background ? 1 : 0)), pool);
  pack(views, options, pool);
}

ClassTree::ClassTree(std::span<const HeadView> views, const HeadOptions& options, std::span<const int> chosen,
                     ThreadPool& pool) {
  find_probabilities(views, options, pool);
  classes_.assign(chosen.begin(), chosen.end());
  pack(views, options, pool);
}

void ClassTree::pack(std::span<const HeadView> views, const HeadOptions& options, ThreadPool& pool) {
  const auto columns = static_cast<int>(classes_.size());
  all_of(columns, all_classes_);
  leaves_ = static_cast<int>(all_classes_.size());
  all_of(leaves_, all_leaves_);
  branches_ = static_cast<int>(all_leaves_.size());
  classes_.resize(static_cast<std::size_t>(leaves_) * kPanel, -1);
  const std::size_t row = static_cast<std::size_t>(options.classes) + 1;
  views_.resize(views.size());
  for (std::size_t v = 0; v < views.size(); ++v) {
    View& view = views_[v];
    view.queries = views[v].queries;
    const std::size_t panel = static_cast<std::size_t>(view.queries) * kPanel;
    view.leaves.assign(static_cast<std::size_t>(leaves_) * panel, 0.0f);
    view.branches.assign(static_cast<std::size_t>(branches_) * panel, 0.0f);
    pool.parallel_for(branches_, 1, [&](std::int64_t begin, std::int64_t end) {
      for (auto leaf = static_cast<std::size_t>(begin) * kPanel;
           leaf < std::min(static_cast<std::size_t>(end) * kPanel, static_cast<std::size_t>(leaves_));
           ++leaf) {
        const std::int32_t* classes = &classes_[leaf * kPanel];
        float* out = &view.leaves[leaf * panel];
        float* highest = &view.branches[leaf / kPanel * panel + leaf % kPanel];
        for (std::size_t q = 0; q < panel; q += kPanel) {
          const float* in = &probabilities_[v][q / kPanel * row];
          for (std::size_t i = 0; i < kPanel && classes[i] >= 0; ++i) {
            out[q + i] = in[classes[i]];
            highest[q] = std::max(highest[q], in[classes[i]]);
          }
        }
      }
    });
  }
}

Segment ClassTree::leaf_segment(std::size_t view) const {
  const View& v = views_[view];
  return {v.leaves.data(), static_cast<std::size_t>(v.queries) * kPanel, v.queries, 0};
}

Segment ClassTree::branch_segment(std::size_t view) const {
  const View& v = views_[view];
  return {v.branches.data(), static_cast<std::size_t>(v.queries) * kPanel, v.queries, 0};
}

}  // namespace san::head
