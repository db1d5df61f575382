#include "labels/head_checks.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/labels.h"

namespace san::head {
namespace {

void check_names(const HeadOptions& options) {
  if (options.row_class.empty()) return;
  thread_local std::vector<bool> named;  // every picture asks
  named.assign(static_cast<std::size_t>(options.classes), false);
  for (const int k : options.row_class) {
    require(k >= 0 && k < options.classes,
            "segmentation head: a name belongs to class {}, but there are {} classes", k, options.classes);
    named[static_cast<std::size_t>(k)] = true;
  }
  const auto nameless = std::find(named.begin(), named.end(), false) - named.begin();
  require(nameless == options.classes, "segmentation head: class {} has no name", nameless);
}

void check_geometry(const HeadView& view, int height, int width) {
  require(view.grid_height > 0 && view.grid_width > 0,
          "segmentation head: expected at least one grid cell, got {}x{}", view.grid_height, view.grid_width);
  require(view.content_height > 0 && view.content_width > 0 && view.content_height <= view.padded_height &&
              view.content_width <= view.padded_width,
          "segmentation head: content {}x{} does not lie inside the padded {}x{}", view.content_height,
          view.content_width, view.padded_height, view.padded_width);
  const Region& r = view.region;
  require(r.y >= 0 && r.x >= 0 && r.height >= 0 && r.width >= 0 && r.y <= height - r.height &&
              r.x <= width - r.width,
          "segmentation head: the region {}x{} at ({}, {}) leaves the output {}x{}", r.height, r.width, r.y,
          r.x, height, width);
  const Ramps& w = view.ramps;
  require(w.top >= 0 && w.bottom >= 0 && w.left >= 0 && w.right >= 0,
          "segmentation head: weights that rise over {}, {}, {} and {} pixels", w.top, w.bottom, w.left,
          w.right);
}

std::size_t cells(const HeadView& view) {
  return static_cast<std::size_t>(view.grid_height) * static_cast<std::size_t>(view.grid_width);
}

void check_finite(std::span<const float> logits) {
  require(std::all_of(logits.begin(), logits.end(), [](float v) { return std::isfinite(v); }),
          "segmentation head: the network's logits are not finite; the weights or the input are damaged");
}

}  // namespace

void check_call(std::span<const HeadView> views, int height, int width, const HeadOptions& options) {
  require(height > 0 && width > 0, "segmentation head: the output {}x{} is empty", height, width);
  require(options.classes > 0 && options.classes < kMaxClasses,
          "segmentation head: expected between 1 and {} classes, got {}", kMaxClasses - 1, options.classes);
  require(options.distractors >= 0 && options.distractors < options.classes,
          "segmentation head: {} distractors among {} classes", options.distractors, options.classes);
  require(options.min_score >= 0, "segmentation head: a least score of {}", options.min_score);
  require(options.curve.valid(), "segmentation head: a curve of scores with a = {}, b = {}", options.curve.a,
          options.curve.b);
  require(!views.empty(), "segmentation head: no network output was given");
  require(
      std::ranges::all_of(views, [&](const HeadView& v) { return v.is_grid() == views.front().is_grid(); }),
      "segmentation head: some views have queries, others a grid; all must be of one kind");
  check_names(options);
}

void check_queries(const HeadView& view, int height, int width, const HeadOptions& options) {
  require(view.queries > 0, "segmentation head: expected at least one query, got {}", view.queries);
  check_geometry(view, height, width);
  const auto queries = static_cast<std::size_t>(view.queries);
  const std::size_t rows = row_count(options);
  require(view.class_logits.size() == queries * (rows + 1),
          "segmentation head: expected {} class logits ({} queries, {} names and the background), got {}",
          queries * (rows + 1), queries, rows, view.class_logits.size());
  require(view.mask_logits.size() == queries * cells(view),
          "segmentation head: expected {} mask logits, got {}", queries * cells(view),
          view.mask_logits.size());
  check_finite(view.class_logits);
  check_finite(view.mask_logits);
}

void check_grid(const HeadView& view, int height, int width, const HeadOptions& options) {
  check_geometry(view, height, width);
  const std::size_t rows = row_count(options);
  require(view.grid_logits.size() == cells(view) * rows,
          "segmentation head: expected {} grid logits ({}x{} cells, {} names), got {}", cells(view) * rows,
          view.grid_height, view.grid_width, rows, view.grid_logits.size());
  check_finite(view.grid_logits);
  require(std::isfinite(view.grid_scale) && view.grid_scale > 0,
          "segmentation head: grid logits cannot be scaled by {}", view.grid_scale);
}

std::size_t row_count(const HeadOptions& options) {
  return options.row_class.empty() ? static_cast<std::size_t>(options.classes) : options.row_class.size();
}

Region part_of(const HeadOptions& options, int height, int width) {
  const Region& p = options.part;
  if (p.height == 0 || p.width == 0) return {0, 0, height, width};
  require(p.y >= 0 && p.x >= 0 && p.height > 0 && p.width > 0 && p.y <= height - p.height &&
              p.x <= width - p.width,
          "segmentation head: the part {}x{} at ({}, {}) leaves the output {}x{}", p.height, p.width, p.y,
          p.x, height, width);
  return p;
}

Region region_of(const HeadView& view, int height, int width) {
  return view.region.height == 0 || view.region.width == 0 ? Region{0, 0, height, width} : view.region;
}

void fail_uncovered(int y, int x) {
  fail("segmentation head: no view covers the output pixel ({}, {})", y, x);
}

}  // namespace san::head
