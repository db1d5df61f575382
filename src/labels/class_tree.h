#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "labels/head_kernels.h"
#include "labels/segmentation_head.h"

namespace san::head {

/// Class probabilities of every view in panels of kPanel columns. Above the panels of classes (leaves) stand
/// panels of leaves (branches): a leaf's column has, query by query, the largest probability of its classes.
/// Its score, summed in the same order, is at least that of each of them, to the last bit.
class ClassTree {
 public:
  /// Orders the classes so that those which are probable for the same queries share a leaf. With `background`
  /// the learned background competes as class `options.classes`.
  ClassTree(std::span<const HeadView> views, const HeadOptions& options, bool background, ThreadPool& pool) {
    make(views, options, background, pool);
  }
  ClassTree() = default;
  /// The same anew, in the memory of the tree before.
  void make(std::span<const HeadView> views, const HeadOptions& options, bool background, ThreadPool& pool);
  /// Only the chosen classes, in their order.
  ClassTree(std::span<const HeadView> views, const HeadOptions& options, std::span<const int> chosen,
            ThreadPool& pool);

  int leaves() const { return leaves_; }
  int branches() const { return branches_; }
  /// The class at a place, [leaves · kPanel]; −1 where there is none.
  std::span<const std::int32_t> classes() const { return classes_; }

  /// Everything: all classes, or all leaves.
  const std::vector<Candidates>& all_classes() const { return all_classes_; }
  const std::vector<Candidates>& all_leaves() const { return all_leaves_; }

  Segment leaf_segment(std::size_t view) const;
  Segment branch_segment(std::size_t view) const;

 private:
  /// Classes by their places, to be divided.
  struct Range {
    std::size_t begin, end;
  };
  void find_probabilities(std::span<const HeadView> views, const HeadOptions& options, ThreadPool& pool);
  void order(std::size_t queries, std::size_t columns, ThreadPool& pool);
  std::size_t split(const Range& range, std::size_t queries);
  std::size_t widest_query(const Range& range, std::size_t queries) const;
  void pack(std::span<const HeadView> views, const HeadOptions& options, ThreadPool& pool);

  struct View {
    int queries = 0;
    std::vector<float> leaves, branches;  ///< [panels, queries, kPanel]
  };
  int leaves_ = 0, branches_ = 0;
  std::vector<std::int32_t> classes_;
  std::vector<Candidates> all_classes_, all_leaves_;
  std::vector<View> views_;
  std::vector<std::vector<float>> probabilities_;  ///< of each view, [queries, classes + 1]
  std::vector<float> by_class_;                    ///< of the first, [columns, queries]
  std::vector<Range> ranges_, next_;
};

}  // namespace san::head
