#include "san/polygons.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"

namespace san {
namespace {

using Ring = std::vector<Corner>;

/// Directions clockwise: east, south, west, north.
constexpr Corner kSteps[4] = {{1, 0}, {0, 1}, {-1, 0}, {0, -1}};
/// From a corner, the pixel to the right and to the left of a step in each direction.
constexpr Corner kRight[4] = {{0, 0}, {-1, 0}, {-1, -1}, {0, -1}};
constexpr Corner kLeft[4] = {{0, -1}, {0, 0}, {-1, 0}, {-1, -1}};

bool before(const Corner& a, const Corner& b) {
  return a.y != b.y ? a.y < b.y : a.x < b.x;
}

Corner operator+(const Corner& a, const Corner& b) {
  return {a.x + b.x, a.y + b.y};
}

/// Twice the signed area; clockwise as seen (y downwards) is positive.
std::int64_t double_area(const Ring& ring) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < ring.size(); ++i) {
    const Corner &a = ring[i], &b = ring[(i + 1) % ring.size()];
    sum += static_cast<std::int64_t>(a.x) * b.y - static_cast<std::int64_t>(b.x) * a.y;
  }
  return sum;
}

double distance_squared(const Corner& p, const Corner& a, const Corner& b) {
  const double dx = b.x - a.x, dy = b.y - a.y, px = p.x - a.x, py = p.y - a.y;
  const double length = dx * dx + dy * dy;
  const double t = length > 0 ? std::clamp((px * dx + py * dy) / length, 0.0, 1.0) : 0.0;
  const double ex = px - t * dx, ey = py - t * dy;
  return ex * ex + ey * ey;
}

/// Keeps the ends and what is farther than the tolerance (Douglas and Peucker, 1973).
std::vector<Corner> thinned(const std::vector<Corner>& line, double tolerance) {
  std::vector<char> kept(line.size(), 0);
  kept.front() = kept.back() = 1;
  std::vector<std::pair<std::size_t, std::size_t>> open{{0, line.size() - 1}};
  while (!open.empty()) {
    const auto [first, last] = open.back();
    open.pop_back();
    double farthest = tolerance * tolerance;
    std::size_t at = 0;
    for (std::size_t i = first + 1; i < last; ++i)
      if (const double d = distance_squared(line[i], line[first], line[last]); d > farthest)
        farthest = d, at = i;
    if (at == 0) continue;
    kept[at] = 1;
    open.emplace_back(first, at);
    open.emplace_back(at, last);
  }
  std::vector<Corner> result;
  for (std::size_t i = 0; i < line.size(); ++i)
    if (kept[i] != 0) result.push_back(line[i]);
  return result;
}

/// The same in whichever of its two directions a line is given: its neighbours on both sides see it so.
std::vector<Corner> simplified(std::vector<Corner> line, double tolerance) {
  const std::size_t last = line.size() - 1;
  const bool closed = line.front() == line.back();
  const bool turned = closed ? before(line[last - 1], line[1]) : before(line.back(), line.front());
  if (turned) std::reverse(line.begin(), line.end());
  line = thinned(line, tolerance);
  if (turned) std::reverse(line.begin(), line.end());
  return line;
}

class Tracer {
 public:
  Tracer(const LabelMap& map, double tolerance)
      : map_(map), tolerance_(tolerance), regions_(map.labels.size()), top_seen_(map.labels.size(), false) {
    find_regions();
  }

  std::vector<LabelPolygon> polygons() {
    std::vector<LabelPolygon> found(areas_.size());
    std::vector<std::int64_t> outlines(areas_.size());
    for (int y = 0; y < map_.height; ++y)
      for (int x = 0; x < map_.width; ++x) {
        if (top_seen_[index(x, y)] || same(x, y, label(x, y - 1))) continue;
        const std::size_t region = regions_[index(x, y)];
        const Ring ring = trace(x, y);
        const std::int64_t area = double_area(ring);
        LabelPolygon& polygon = found[region];
        polygon.label = map_.labels[index(x, y)];
        polygon.area = areas_[region];
        Ring simple = simplify(ring);
        if (area > 0) outlines[region] = area;
        if (simple.size() < 3) simple.clear();
        // A region's first edge from above lies on its outline.
        if (area > 0 || !simple.empty()) polygon.rings.push_back(std::move(simple));
      }
    std::vector<std::size_t> order(found.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return outlines[a] > outlines[b]; });
    std::vector<LabelPolygon> result;
    for (const std::size_t i : order)
      if (!found[i].rings.front().empty()) result.push_back(std::move(found[i]));
    return result;
  }

 private:
  static constexpr int kOutside = -1;

  std::size_t index(int x, int y) const {
    return static_cast<std::size_t>(y) * static_cast<std::size_t>(map_.width) + static_cast<std::size_t>(x);
  }
  int label(int x, int y) const {
    return x < 0 || y < 0 || x >= map_.width || y >= map_.height ? kOutside : map_.labels[index(x, y)];
  }
  bool same(int x, int y, int other) const { return label(x, y) == other; }

  /// Numbers the regions in the order of their first pixels.
  void find_regions() {
    std::vector<std::uint32_t> parent;
    const auto root = [&](std::uint32_t i) {
      while (parent[i] != i) i = parent[i] = parent[parent[i]];
      return i;
    };
    for (int y = 0; y < map_.height; ++y)
      for (int x = 0; x < map_.width; ++x) {
        const int own = label(x, y);
        const bool left = x > 0 && same(x - 1, y, own), above = y > 0 && same(x, y - 1, own);
        std::uint32_t& region = regions_[index(x, y)];
        if (!left && !above) {
          region = static_cast<std::uint32_t>(parent.size());
          parent.push_back(region);
          continue;
        }
        region = root(regions_[left ? index(x - 1, y) : index(x, y - 1)]);
        if (left && above) {
          const std::uint32_t other = root(regions_[index(x, y - 1)]);
          parent[std::max(region, other)] = std::min(region, other);
          region = std::min(region, other);
        }
      }
    std::vector<std::uint32_t> number(parent.size());
    for (std::uint32_t i = 0; i < parent.size(); ++i) {
      if (root(i) != i) continue;
      number[i] = static_cast<std::uint32_t>(areas_.size());
      areas_.push_back(0);
    }
    for (std::uint32_t& region : regions_) {
      region = number[root(region)];
      ++areas_[region];
    }
  }

  /// The ring along whose start the upper side of pixel (x, y) lies, its region to the right; corners where
  /// it turns or where three borders meet.
  Ring trace(int x, int y) {
    const int own = label(x, y);
    const Corner start{x, y};
    Ring ring;
    Corner at = start;
    int direction = 0, came = -1;
    do {
      if (direction == 0) top_seen_[index(at.x, at.y)] = true;
      at = at + kSteps[direction];
      came = direction;
      const Corner right = at + kRight[direction], left = at + kLeft[direction];
      if (!same(right.x, right.y, own))
        direction = (direction + 1) % 4;
      else if (same(left.x, left.y, own))
        direction = (direction + 3) % 4;
      if (direction != came || is_junction(at)) ring.push_back(at);
    } while (at != start || direction != 0);
    return ring;
  }

  /// Whether more than two borders meet, or the picture ends.
  bool is_junction(const Corner& c) const {
    const int a = label(c.x - 1, c.y - 1), b = label(c.x, c.y - 1), d = label(c.x, c.y),
              e = label(c.x - 1, c.y);
    const int borders = (a != b) + (b != d) + (d != e) + (e != a);
    return borders > 2 || ((c.x == 0 || c.x == map_.width) && (c.y == 0 || c.y == map_.height));
  }

  Ring simplify(const Ring& ring) const {
    const std::size_t count = ring.size();
    std::vector<std::size_t> ends;  // of the lines that neighbours share
    for (std::size_t i = 0; i < count; ++i)
      if (is_junction(ring[i])) ends.push_back(i);
    if (ends.empty()) {  // an island: from its first corner to the farthest, and back
      const auto first = static_cast<std::size_t>(std::ranges::min_element(ring, before) - ring.begin());
      std::size_t farthest = first;
      const auto away = [&](std::size_t i) {
        const double dx = ring[i].x - ring[first].x, dy = ring[i].y - ring[first].y;
        return dx * dx + dy * dy;
      };
      for (std::size_t i = 0; i < count; ++i)
        if (away(i) > away(farthest) || (away(i) == away(farthest) && before(ring[i], ring[farthest])))
          farthest = i;
      ends = {std::min(first, farthest), std::max(first, farthest)};
    }
    Ring result;
    for (std::size_t e = 0; e < ends.size(); ++e) {
      const std::size_t from = ends[e], to = ends[(e + 1) % ends.size()];
      std::vector<Corner> line{ring[from]};
      for (std::size_t i = (from + 1) % count;; i = (i + 1) % count) {
        line.push_back(ring[i]);
        if (i == to) break;
      }
      line = simplified(std::move(line), tolerance_);
      result.insert(result.end(), line.begin(), line.end() - 1);
    }
    return without_straights(result);
  }

  /// Leaves out corners on a straight line, and spikes without area.
  static Ring without_straights(Ring ring) {
    for (bool changed = true; changed && ring.size() >= 3;) {
      changed = false;
      Ring kept;
      for (std::size_t i = 0; i < ring.size(); ++i) {
        const Corner &a = kept.empty() ? ring.back() : kept.back(), &b = ring[i],
                     &c = ring[(i + 1) % ring.size()];
        const std::int64_t turn = static_cast<std::int64_t>(b.x - a.x) * (c.y - b.y) -
                                  static_cast<std::int64_t>(b.y - a.y) * (c.x - b.x);
        if (turn != 0)
          kept.push_back(b);
        else
          changed = true;
      }
      ring = std::move(kept);
    }
    if (ring.size() < 3) ring.clear();
    return ring;
  }

  const LabelMap& map_;
  double tolerance_;
  std::vector<std::uint32_t> regions_;
  std::vector<bool> top_seen_;
  std::vector<std::int64_t> areas_;
};

}  // namespace

std::vector<LabelPolygon> label_polygons(const LabelMap& map, double tolerance) {
  require(map.height > 0 && map.width > 0 &&
              map.labels.size() == static_cast<std::size_t>(map.height) * static_cast<std::size_t>(map.width),
          "polygons: a map of {} × {} pixels with {} labels", map.width, map.height, map.labels.size());
  require(std::isfinite(tolerance) && tolerance >= 0,
          "polygons: a tolerance of {} pixels; expected 0 or more", tolerance);
  return Tracer(map, tolerance).polygons();
}

void paint_polygon(const LabelPolygon& polygon, LabelMap& map) {
  int top = map.height, bottom = 0;
  for (const Ring& ring : polygon.rings)
    for (const Corner& c : ring) top = std::min(top, c.y), bottom = std::max(bottom, c.y);
  std::vector<double> crossings;
  for (int y = std::max(top, 0); y < std::min(bottom, map.height); ++y) {
    crossings.clear();
    const double middle = y + 0.5;
    for (const Ring& ring : polygon.rings)
      for (std::size_t i = 0; i < ring.size(); ++i) {
        const Corner &a = ring[i], &b = ring[(i + 1) % ring.size()];
        if ((a.y <= y) == (b.y <= y)) continue;
        crossings.push_back(a.x + (middle - a.y) * (b.x - a.x) / (b.y - a.y));
      }
    std::ranges::sort(crossings);
    for (std::size_t i = 0; i + 1 < crossings.size(); i += 2) {
      const double from = std::clamp(std::ceil(crossings[i] - 0.5), 0.0, static_cast<double>(map.width)),
                   to = std::clamp(std::ceil(crossings[i + 1] - 0.5), 0.0, static_cast<double>(map.width));
      std::fill(map.row(y) + static_cast<int>(from), map.row(y) + static_cast<int>(to), polygon.label);
    }
  }
}

}  // namespace san
