#include "draw/region_anchor.h"

#include <algorithm>
#include <vector>

namespace san {
namespace {

constexpr int kGridSide = 300;
/// Chamfer steps to straight and diagonal neighbours: thirds of a cell.
constexpr int kStraight = 3, kDiagonal = 4;

/// Distances to the nearest cell of another label or to the border, by two passes.
class DistanceGrid {
 public:
  explicit DistanceGrid(const LabelMap& labels)
      : step_((std::max(labels.height, labels.width) + kGridSide - 1) / kGridSide),
        cells_((labels.height + step_ - 1) / step_, (labels.width + step_ - 1) / step_) {
    for (int y = 0; y < cells_.height; ++y)
      for (int x = 0; x < cells_.width; ++x)
        cells_.row(y)[x] = labels.row(std::min(
            y * step_ + step_ / 2, labels.height - 1))[std::min(x * step_ + step_ / 2, labels.width - 1)];
    distances_.assign(cells_.labels.size(), kGridSide * kDiagonal);
    for (int y = 0; y < cells_.height; ++y)
      for (int x = 0; x < cells_.width; ++x)
        relax(x, y, {{-1, 0, kStraight}, {0, -1, kStraight}, {-1, -1, kDiagonal}, {1, -1, kDiagonal}});
    for (int y = cells_.height - 1; y >= 0; --y)
      for (int x = cells_.width - 1; x >= 0; --x)
        relax(x, y, {{1, 0, kStraight}, {0, 1, kStraight}, {1, 1, kDiagonal}, {-1, 1, kDiagonal}});
  }

  std::map<Label, RegionAnchor> anchors() const {
    std::map<Label, RegionAnchor> best;
    for (int y = 0; y < cells_.height; ++y)
      for (int x = 0; x < cells_.width; ++x) {
        const float radius = static_cast<float>(distances_[index(x, y)] * step_) / kStraight;
        RegionAnchor& anchor = best[cells_.row(y)[x]];
        if (radius > anchor.radius) anchor = {x * step_ + step_ / 2, y * step_ + step_ / 2, radius};
      }
    return best;
  }

 private:
  struct Neighbour {
    int dx, dy, cost;
  };
  std::size_t index(int x, int y) const {
    return static_cast<std::size_t>(y) * static_cast<std::size_t>(cells_.width) + static_cast<std::size_t>(x);
  }
  void relax(int x, int y, std::initializer_list<Neighbour> neighbours) {
    int& distance = distances_[index(x, y)];
    for (const auto& [dx, dy, cost] : neighbours) {
      const int u = x + dx, v = y + dy;
      const bool outside = u < 0 || v < 0 || u >= cells_.width || v >= cells_.height;
      const bool same = !outside && cells_.row(v)[u] == cells_.row(y)[x];
      distance = std::min(distance, same ? distances_[index(u, v)] + cost : cost / 2);
    }
  }

  int step_;
  LabelMap cells_;
  std::vector<int> distances_;
};

}  // namespace

std::map<Label, RegionAnchor> region_anchors(const LabelMap& labels) {
  return DistanceGrid(labels).anchors();
}

}  // namespace san
