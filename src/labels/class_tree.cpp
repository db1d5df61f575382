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

std::vector<Candidates> all_of(int columns) {
  std::vector<Candidates> result;
  for (int first = 0; first < columns; first += kPanel)
    result.push_back({first / kPanel, (1u << std::min(kPanel, columns - first)) - 1});
  return result;
}

std::vector<std::vector<float>> probabilities_of(std::span<const HeadView> views, const HeadOptions& options,
                                                 ThreadPool& pool) {
  std::vector<std::vector<float>> result;
  for (const HeadView& view : views)
    result.push_back(class_probabilities(view.class_logits, view.queries, options, pool));
  return result;
}

/// Splits the classes in half by the query whose probabilities differ most among them, and the halves again,
/// down to leaves.
class Ordering {
 public:
  /// `probabilities` [queries, row].
  Ordering(const std::vector<float>& probabilities, std::size_t queries, std::size_t columns,
           ThreadPool& pool)
      : queries_(queries), row_(probabilities.size() / queries), probabilities_(probabilities) {
    order_.resize(columns);
    std::iota(order_.begin(), order_.end(), 0);
    if (columns <= kUnordered) return;
    values_.resize(columns * queries);
    pool.parallel_for(static_cast<std::int64_t>(queries), 4, [&](std::int64_t begin, std::int64_t end) {
      for (std::size_t k = 0; k < columns; ++k)
        for (auto q = static_cast<std::size_t>(begin); q < static_cast<std::size_t>(end); ++q)
          values_[k * queries_ + q] = probabilities[q * row_ + k];
    });
    std::vector<Range> ranges{{0, columns}}, next;
    while (!ranges.empty()) {
      next.assign(2 * ranges.size(), {0, 0});
      pool.parallel_for(
          static_cast<std::int64_t>(ranges.size()), 1, [&](std::int64_t begin, std::int64_t end) {
            std::vector<double> sums(2 * queries_);
            for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
              const std::size_t middle = split(ranges[i], sums);
              next[2 * i] = {ranges[i].begin, middle};
              next[2 * i + 1] = {middle, ranges[i].end};
            }
          });
      std::erase_if(next, [](const Range& r) { return r.end - r.begin <= kPanel; });
      ranges = next;
    }
  }
  std::vector<std::int32_t> take() { return std::move(order_); }

 private:
  struct Range {
    std::size_t begin, end;
  };

  std::size_t split(const Range& range, std::vector<double>& sums) {
    const std::size_t count = range.end - range.begin, query = widest_query(range, sums);
    // Halves of whole branches while there are several, then of whole leaves.
    const std::size_t unit = count > 2 * kPanel * kPanel ? kPanel * kPanel : kPanel;
    const std::size_t middle = range.begin + std::min(round_up(count / 2, unit), count);
    const float* key = &probabilities_[query * row_];
    std::nth_element(
        order_.begin() + static_cast<std::ptrdiff_t>(range.begin),
        order_.begin() + static_cast<std::ptrdiff_t>(middle),
        order_.begin() + static_cast<std::ptrdiff_t>(range.end),
        [key](std::int32_t a, std::int32_t b) { return key[a] != key[b] ? key[a] > key[b] : a < b; });
    return middle;
  }

  /// Of a sample of the classes.
  std::size_t widest_query(const Range& range, std::vector<double>& sums) const {
    const std::size_t count = range.end - range.begin, step = std::max<std::size_t>(1, count / 32);
    std::fill(sums.begin(), sums.end(), 0.0);
    double taken = 0;
    for (std::size_t i = range.begin; i < range.end; i += step, ++taken) {
      const float* value = &values_[static_cast<std::size_t>(order_[i]) * queries_];
      for (std::size_t q = 0; q < queries_; ++q) {
        const auto v = static_cast<double>(value[q]);
        sums[q] += v;
        sums[queries_ + q] += v * v;
      }
    }
    std::size_t widest = 0;
    double most = -1.0;
    for (std::size_t q = 0; q < queries_; ++q) {
      const double spread = sums[queries_ + q] - sums[q] * sums[q] / taken;
      if (spread > most) most = spread, widest = q;
    }
    return widest;
  }

  std::size_t queries_, row_;
  const std::vector<float>& probabilities_;
  std::vector<float> values_;  // [classes, queries]
  std::vector<std::int32_t> order_;
};

}  // namespace

ClassTree::ClassTree(std::span<const HeadView> views, const HeadOptions& options, bool background,
                     ThreadPool& pool) {
  const auto probabilities = probabilities_of(views, options, pool);
  const auto columns = static_cast<std::size_t>(options.classes + (background ? 1 : 0));
  // Views show the same picture: what shares a leaf for the first does for the others.
  classes_ =
      Ordering(probabilities.front(), static_cast<std::size_t>(views.front().queries), columns, pool).take();
  pack(views, options, probabilities, pool);
}

ClassTree::ClassTree(std::span<const HeadView> views, const HeadOptions& options, std::span<const int> chosen,
                     ThreadPool& pool) {
  classes_.assign(chosen.begin(), chosen.end());
  pack(views, options, probabilities_of(views, options, pool), pool);
}

void ClassTree::pack(std::span<const HeadView> views, const HeadOptions& options,
                     const std::vector<std::vector<float>>& probabilities, ThreadPool& pool) {
  const auto columns = static_cast<int>(classes_.size());
  all_classes_ = all_of(columns);
  leaves_ = static_cast<int>(all_classes_.size());
  all_leaves_ = all_of(leaves_);
  branches_ = static_cast<int>(all_leaves_.size());
  classes_.resize(static_cast<std::size_t>(leaves_) * kPanel, -1);
  const std::size_t row = static_cast<std::size_t>(options.classes) + 1;
  for (std::size_t v = 0; v < views.size(); ++v) {
    View view;
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
          const float* in = &probabilities[v][q / kPanel * row];
          for (std::size_t i = 0; i < kPanel && classes[i] >= 0; ++i) {
            out[q + i] = in[classes[i]];
            highest[q] = std::max(highest[q], in[classes[i]]);
          }
        }
      }
    });
    views_.push_back(std::move(view));
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
