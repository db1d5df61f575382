#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "san/error.hpp"
#include "san/image.hpp"

namespace san {

/// A corner of pixels: x from 0 to the width, y from 0 to the height, downwards. Pixel (x, y) lies between
/// the corners (x, y) and (x + 1, y + 1).
struct Corner {
  int x = 0, y = 0;
  friend bool operator==(const Corner&, const Corner&) = default;
};

/// One connected region of a label map (through the sides of pixels, not across corners).
struct LabelPolygon {
  Label label = 0;
  std::int64_t area = 0;  ///< pixels of the region
  /// The outline, clockwise as seen, and the holes, anticlockwise; corners in order, the first not repeated.
  std::vector<std::vector<Corner>> rings;
};

/// The regions of all labels. Painted in their order, each with its first ring alone, they give the map back:
/// what lies in a hole comes later.
///
/// `tolerance`, pixels: no corner of a region's outline is farther from its polygon than that. 0: only
/// corners on straight lines are left out, and the polygons are the map. Neighbours share their border, which
/// is simplified once for both, so that neither gaps nor overlaps come between them; the picture's edge stays
/// as it is. A region with nothing left of its outline (it is thinner than the tolerance) is left out. Throws
/// Error on a map whose size and labels disagree, and on a tolerance that is negative or not finite.
SAN_API std::vector<LabelPolygon> label_polygons(const LabelMap& map, double tolerance = 0);

/// Gives the polygon's label to the pixels of `map` whose centre is inside it: inside an odd number of its
/// rings. What leaves the map is cut off.
SAN_API void paint_polygon(const LabelPolygon& polygon, LabelMap& map);

}  // namespace san
