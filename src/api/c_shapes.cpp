#include <algorithm>
#include <limits>

#include "api/c_support.h"
#include "base/error.h"
#include "san/masks.hpp"
#include "san/polygons.hpp"

using namespace san::c;

struct san_polygons {
  struct Flat {
    std::vector<std::int32_t> corners;
    std::vector<std::size_t> ring_sizes;
    std::int64_t area = 0;
    std::int32_t label = 0;
  };
  std::vector<Flat> all;
};

namespace {

/// Beyond it differences of coordinates might not fit into an int.
constexpr std::int32_t kFarthest = 1 << 30;

san_polygons::Flat flat(const san::LabelPolygon& polygon) {
  san_polygons::Flat f;
  f.area = polygon.area, f.label = static_cast<std::int32_t>(polygon.label);
  for (const auto& ring : polygon.rings) {
    f.ring_sizes.push_back(ring.size());
    for (const san::Corner& c : ring) f.corners.insert(f.corners.end(), {c.x, c.y});
  }
  return f;
}

san::LabelPolygon polygon_of(const san_polygon* given) {
  need(given, "a polygon");
  const san_polygon p = read(given, "san_polygon");
  san::require(p.label >= 0, "san_polygon.label is {}; expected 0 or more", p.label);
  if (p.ring_count > 0) need(p.ring_sizes, "san_polygon.ring_sizes"), need(p.corners, "san_polygon.corners");
  san::LabelPolygon polygon;
  polygon.label = static_cast<san::Label>(p.label);
  const std::int32_t* at = p.corners;
  for (size_t r = 0; r < p.ring_count; ++r) {
    std::vector<san::Corner>& ring = polygon.rings.emplace_back();
    for (size_t i = 0; i < p.ring_sizes[r]; ++i, at += 2) {
      san::require(std::abs(static_cast<std::int64_t>(at[0])) <= kFarthest &&
                       std::abs(static_cast<std::int64_t>(at[1])) <= kFarthest,
                   "san_polygon.corners: a corner at {}, {}; expected numbers within 2^30", at[0], at[1]);
      ring.push_back({at[0], at[1]});
    }
  }
  return polygon;
}

template <class Value>
san_polygons* polygons_of(const Value* labels, int height, int width, double tolerance) {
  auto made = std::make_unique<san_polygons>();
  for (const san::LabelPolygon& p : san::label_polygons(label_map(labels, height, width), tolerance))
    made->all.push_back(flat(p));
  return made.release();
}

template <class Value>
void paint(const san_polygon* const* polygons, size_t count, Value* labels, int height, int width) {
  san::LabelMap map = label_map(labels, height, width);
  if (count > 0) need(polygons, "polygons");
  for (size_t i = 0; i < count; ++i) {
    const san::LabelPolygon polygon = polygon_of(polygons[i]);
    san::require(polygon.label <= std::numeric_limits<Value>::max(),
                 "san_polygon.label is {}; expected at most {}", polygon.label,
                 std::numeric_limits<Value>::max());
    san::paint_polygon(polygon, map);
  }
  std::ranges::transform(map.labels, labels, [](san::Label label) { return static_cast<Value>(label); });
}

}  // namespace

san_polygons* san_label_polygons(const uint16_t* labels, int height, int width, double tolerance) {
  return guard<san_polygons*>(nullptr, [&] { return polygons_of(labels, height, width, tolerance); });
}
san_polygons* san_label_polygons32(const uint32_t* labels, int height, int width, double tolerance) {
  return guard<san_polygons*>(nullptr, [&] { return polygons_of(labels, height, width, tolerance); });
}
size_t san_polygons_count(const san_polygons* polygons) {
  return polygons != nullptr ? polygons->all.size() : 0;
}
int san_polygons_get(const san_polygons* polygons, size_t index, san_polygon* polygon) {
  return status([&] {
    const auto& all = at(polygons, "polygons").all;
    san::require(index < all.size(), "polygon {} of {}", index, all.size());
    const san_polygons::Flat& f = all[index];
    fill(polygon, {0, f.area, f.corners.data(), f.ring_sizes.data(), f.ring_sizes.size(), f.label, 0},
         "san_polygon");
  });
}
void san_polygons_free(san_polygons* polygons) {
  delete polygons;
}

int san_paint_polygons(const san_polygon* const* polygons, size_t count, uint16_t* labels, int height,
                       int width) {
  return status([&] { paint(polygons, count, labels, height, width); });
}
int san_paint_polygons32(const san_polygon* const* polygons, size_t count, uint32_t* labels, int height,
                         int width) {
  return status([&] { paint(polygons, count, labels, height, width); });
}

san_buffer* san_encode_rle(const uint8_t* mask, int height, int width) {
  return guard<san_buffer*>(nullptr, [&] {
    need(mask, "mask");
    require_sides(height, width);
    const std::size_t pixels = static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
    return buffer(san::rle_counts_to_string(san::encode_rle({mask, pixels}, height, width).counts));
  });
}
int san_decode_rle(const char* counts, int height, int width, uint8_t* mask, size_t capacity) {
  return status([&] {
    need(counts, "counts");
    need(mask, "mask");
    require_room(capacity, 1, height, width, "mask");
    std::ranges::copy(san::decode_rle({height, width, san::rle_counts_from_string(counts)}), mask);
  });
}
