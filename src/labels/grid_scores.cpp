#include "labels/grid_scores.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "labels/axis_weights.h"
#include "labels/head_checks.h"

namespace san::head {
namespace {

struct PlacedGrid {
  Region region;
  AxisWeights rows, columns;                 // per pixel of the region
  std::vector<float> row_ramp, column_ramp;  // its weight there; empty: one
  std::span<const float> logits;
  int width = 0;  // in cells
};

class GridPlan {
 public:
  GridPlan(std::span<const HeadView> views, int height, int width, const HeadOptions& options)
      : options_(options), row_count_(row_count(options)), scale_(views.front().grid_scale) {
    check_call(views, height, width, options);
    part_ = part_of(options, height, width);
    require(options.background == Background::kNone && options.min_coverage == 0.0f,
            "this method labels every pixel with one of the classes: it has no masks and no background that "
            "could make a pixel \"other\"");
    for (const HeadView& in : views) {
      check_grid(in, height, width, options);
      require(in.grid_scale == scale_, "segmentation head: views scaled by {} and by {}", scale_,
              in.grid_scale);
      const Region region = region_of(in, height, width);
      grids_.push_back(
          {Region{region.y - part_.y, region.x - part_.x, region.height, region.width},
           AxisWeights::compose(in.grid_height, in.padded_height, in.content_height, region.height),
           AxisWeights::compose(in.grid_width, in.padded_width, in.content_width, region.width, in.mirrored),
           ramp_weights(region.height, in.ramps.top, in.ramps.bottom),
           ramp_weights(region.width, in.ramps.left, in.ramps.right), in.grid_logits, in.grid_width});
    }
  }

  const Region& part() const { return part_; }

  /// The logits of every class at a pixel of the part. `names` is working memory. Throws Error where no view
  /// reaches.
  void logits_at(int y, int x, std::vector<float>& names, std::vector<float>& classes) const {
    names.assign(row_count_, 0.0f);
    float covering = 0.0f;
    for (const PlacedGrid& grid : grids_) {
      const int dy = y - grid.region.y, dx = x - grid.region.x;
      if (dy < 0 || dx < 0 || dy >= grid.region.height || dx >= grid.region.width) continue;
      const auto row = static_cast<std::size_t>(dy), column = static_cast<std::size_t>(dx);
      const float weight = (grid.row_ramp.empty() ? 1.0f : grid.row_ramp[row]) *
                           (grid.column_ramp.empty() ? 1.0f : grid.column_ramp[column]);
      covering += weight;
      add(grid, grid.rows.taps[row], grid.columns.taps[column], weight, names);
    }
    if (covering == 0.0f) fail_uncovered(y + part_.y, x + part_.x);
    if (covering != 1.0f)
      for (float& sum : names) sum /= covering;
    classes.assign(static_cast<std::size_t>(options_.classes), std::numeric_limits<float>::lowest());
    for (std::size_t r = 0; r < row_count_; ++r) {
      float& logit =
          classes[options_.row_class.empty() ? r : static_cast<std::size_t>(options_.row_class[r])];
      logit = std::max(logit, names[r]);
    }
  }

  /// Σ over classes of exp(scale · (logit − largest)).
  double normalizer(std::span<const float> classes, float largest) const {
    double sum = 0.0;
    for (const float logit : classes) sum += std::exp(static_cast<double>(scale_) * (logit - largest));
    return sum;
  }
  float score(float logit, float largest, double normalizer) const {
    return static_cast<float>(std::exp(static_cast<double>(scale_) * (logit - largest)) / normalizer);
  }

 private:
  void add(const PlacedGrid& grid, const AxisWeights::Taps& ty, const AxisWeights::Taps& tx,
           float view_weight, std::vector<float>& names) const {
    for (std::size_t i = 0; i < static_cast<std::size_t>(ty.count); ++i)
      for (std::size_t j = 0; j < static_cast<std::size_t>(tx.count); ++j) {
        const float weight = ty.weight[i] * tx.weight[j] * view_weight;
        const std::size_t cell =
            static_cast<std::size_t>(ty.index[i]) * static_cast<std::size_t>(grid.width) +
            static_cast<std::size_t>(tx.index[j]);
        const float* at = grid.logits.data() + cell * row_count_;
        for (std::size_t r = 0; r < row_count_; ++r) names[r] += weight * at[r];
      }
  }

  const HeadOptions& options_;
  Region part_;
  std::size_t row_count_;
  float scale_;
  std::vector<PlacedGrid> grids_;
};

}  // namespace

bool are_grids(std::span<const HeadView> views) {
  return !views.empty() && views.front().is_grid();
}

SegmentationResult label_grids(std::span<const HeadView> views, int height, int width,
                               const HeadOptions& options, ThreadPool& pool) {
  const GridPlan plan(views, height, width, options);
  SegmentationResult result;
  result.labels = LabelMap(plan.part().height, plan.part().width);
  if (options.label_scores) result.label_scores.resize(result.labels.labels.size());
  pool.parallel_for(plan.part().height, 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> names, classes;
    for (auto y = static_cast<int>(begin); y < end; ++y)
      for (int x = 0; x < plan.part().width; ++x) {
        plan.logits_at(y, x, names, classes);
        const auto best = std::ranges::max_element(classes);
        Label& label = result.labels.row(y)[x];
        label = static_cast<Label>(best - classes.begin());
        if (options.label_scores)
          result.label_scores[static_cast<std::size_t>(&label - result.labels.labels.data())] =
              plan.score(*best, *best, plan.normalizer(classes, *best));
      }
  });
  result.areas.assign(static_cast<std::size_t>(options.classes) + 1, 0);
  for (const Label label : result.labels.labels) ++result.areas[label];
  return result;
}

std::vector<float> grid_scores(std::span<const HeadView> views, int height, int width,
                               const HeadOptions& options, std::span<const int> chosen, ThreadPool& pool) {
  const GridPlan plan(views, height, width, options);
  for (const int k : chosen)
    require(k < options.classes, "this method has no background whose scores could be asked for");
  const auto rows = static_cast<std::size_t>(plan.part().height),
             columns = static_cast<std::size_t>(plan.part().width);
  const std::size_t plane = rows * columns;
  std::vector<float> result(plane * chosen.size());
  pool.parallel_for(plan.part().height, 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> names, classes;
    for (auto y = static_cast<int>(begin); y < end; ++y)
      for (int x = 0; x < plan.part().width; ++x) {
        plan.logits_at(y, x, names, classes);
        const float largest = *std::ranges::max_element(classes);
        const double normalizer = plan.normalizer(classes, largest);
        float* out = &result[static_cast<std::size_t>(y) * columns + static_cast<std::size_t>(x)];
        for (std::size_t k = 0; k < chosen.size(); ++k)
          out[k * plane] = plan.score(classes[static_cast<std::size_t>(chosen[k])], largest, normalizer);
      }
  });
  return result;
}

}  // namespace san::head
