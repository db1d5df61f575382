#include "annotation_formats.h"

#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "san/masks.hpp"
#include "whole_file.h"

namespace san::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// File names may hold any bytes; JSON holds UTF-8.
std::string text(const Json& document, int indent = -1) {
  return document.dump(indent, ' ', false, Json::error_handler_t::replace);
}

/// Ids of the annotations of different pictures never meet: a picture has at most one of each class.
std::int64_t annotation_id(const Annotated& p, Label label) {
  return p.number * std::max<std::int64_t>(65536, static_cast<std::int64_t>(p.classes.size()) + 1) + label;
}

std::string color_text(const Rgb& color) {
  return fmt::format("#{:02x}{:02x}{:02x}", color[0], color[1], color[2]);
}

/// Of the set pixels: left, top, width, height.
std::array<int, 4> bounding_box(const LabelMap& map, Label label) {
  int left = map.width, top = map.height, right = 0, bottom = 0;
  for (int y = 0; y < map.height; ++y)
    for (int x = 0; x < map.width; ++x)
      if (map.row(y)[x] == label) {
        left = std::min(left, x), right = std::max(right, x + 1);
        top = std::min(top, y), bottom = std::max(bottom, y + 1);
      }
  return {left, top, right - left, bottom - top};
}

Json points(std::span<const Corner> ring) {
  Json list = Json::array();
  for (const Corner& corner : ring) list.push_back({corner.x, corner.y});
  return list;
}

Json coco_categories(std::span<const std::string> classes) {
  Json list = Json::array();
  for (std::size_t k = 0; k < classes.size(); ++k)
    list.push_back({{"id", k + 1}, {"name", classes[k]}, {"supercategory", ""}});
  return list;
}

Json rle(const Rle& mask) {
  return {{"size", {mask.height, mask.width}}, {"counts", rle_counts_to_string(mask.counts)}};
}

std::int64_t area_of(const Rle& mask) {
  std::int64_t area = 0;
  for (std::size_t i = 1; i < mask.counts.size(); i += 2) area += mask.counts[i];
  return area;
}

Json datumaro_categories(std::span<const std::string> classes, std::span<const Rgb> colors) {
  Json labels = Json::array(), map = Json::array();
  for (std::size_t k = 0; k < classes.size(); ++k) {
    labels.push_back({{"name", classes[k]}, {"parent", ""}, {"attributes", Json::array()}});
    map.push_back({{"label_id", k}, {"r", colors[k][0]}, {"g", colors[k][1]}, {"b", colors[k][2]}});
  }
  return {{"label", {{"labels", labels}, {"attributes", Json::array()}}}, {"mask", {{"colormap", map}}}};
}

Json ring_in_plane(std::span<const Corner> ring, Corner origin, const std::optional<MapPlane>& plane) {
  Json list = Json::array();
  const auto add = [&](const Corner& corner) {
    const int x = corner.x + origin.x, y = corner.y + origin.y;
    if (!plane) return list.push_back({x, y});
    const auto& t = plane->transform;
    list.push_back({t[0] * x + t[1] * y + t[2], t[3] * x + t[4] * y + t[5]});
  };
  // An outline runs anticlockwise in the plane that its numbers span; in ours it does with y downwards.
  const bool turned =
      plane && plane->transform[0] * plane->transform[4] < plane->transform[1] * plane->transform[3];
  if (turned)
    for (std::size_t i = ring.size(); i-- > 0;) add(ring[i]);
  else
    for (const Corner& corner : ring) add(corner);
  list.push_back(list.front());
  return list;
}

Json read_document(const fs::path& path) {
  std::ifstream file(path);
  Json document = Json::parse(file, nullptr, false);
  require(!document.is_discarded(),
          "{}: not the JSON that was written for a picture; segment the picture again", path.string());
  return document;
}

/// Writes the elements of one array of every document, separated by commas; `first` is told the first
/// document.
void write_elements(WholeFile& file, const char* key, const EachDocument& each,
                    const std::function<void(const Json&)>& first = {}) {
  bool any = false, begun = false;
  each([&](const fs::path& path) {
    const Json document = read_document(path);
    if (!begun && first) first(document);
    begun = true;
    require(document.is_object() && document.contains(key) && document[key].is_array(),
            "{}: it has no list \"{}\"", path.string(), key);
    for (const Json& element : document[key]) {
      file.write(any ? ",\n" : "\n");
      file.write(text(element));
      any = true;
    }
  });
}

}  // namespace

std::string coco_document(const Annotated& p) {
  Json annotations = Json::array();
  for (const auto& [label, mask] : encode_rles(p.labels))
    annotations.push_back({{"id", annotation_id(p, label)},
                           {"image_id", p.number},
                           {"category_id", label + 1},
                           {"area", area_of(mask)},
                           {"bbox", bounding_box(p.labels, label)},
                           {"iscrowd", 0},
                           {"segmentation", rle(mask)}});
  const Json document{{"images",
                       {{{"id", p.number},
                         {"file_name", p.image.string()},
                         {"height", p.labels.height},
                         {"width", p.labels.width}}}},
                      {"categories", coco_categories(p.classes)},
                      {"annotations", annotations}};
  return text(document) + "\n";
}

void join_coco(const fs::path& result, const EachDocument& each) {
  WholeFile file(result);
  file.write("{\"images\": [");
  Json categories = Json::array();
  write_elements(file, "images", each,
                 [&](const Json& first) { categories = first.value("categories", Json()); });
  file.write("\n],\n\"categories\": " + text(categories) + ",\n\"annotations\": [");
  write_elements(file, "annotations", each);
  file.write("\n]}\n");
  file.finish();
}

std::string yolo_lines(const Annotated& p) {
  std::string lines;
  for (const LabelPolygon& polygon : label_polygons(p.labels, p.tolerance)) {
    lines += std::to_string(polygon.label);
    const auto add = [&](const Corner& c) {
      lines += fmt::format(" {:.6f} {:.6f}", static_cast<double>(c.x) / p.labels.width,
                           static_cast<double>(c.y) / p.labels.height);
    };
    for (std::size_t r = 0; r < polygon.rings.size(); ++r) {
      for (const Corner& corner : polygon.rings[r]) add(corner);
      if (polygon.rings.size() == 1) break;
      // There and back along the same cut, which encloses nothing.
      add(polygon.rings[r].front());
      if (r > 0) add(polygon.rings.front().front());
    }
    lines += "\n";
  }
  return lines;
}

std::string yolo_names(std::span<const std::string> classes) {
  std::string lines = "names:\n";
  for (std::size_t k = 0; k < classes.size(); ++k)
    lines += fmt::format("  {}: {}\n", k, text(Json(classes[k])));
  return lines;
}

std::string cityscapes_polygons(const Annotated& p) {
  Json objects = Json::array();
  for (const LabelPolygon& polygon : label_polygons(p.labels, p.tolerance))
    objects.push_back({{"label", p.classes[polygon.label]}, {"polygon", points(polygon.rings.front())}});
  return text({{"imgHeight", p.labels.height}, {"imgWidth", p.labels.width}, {"objects", objects}}) + "\n";
}

std::string labelme_document(const Annotated& p, const fs::path& image) {
  Json shapes = Json::array();
  for (const LabelPolygon& polygon : label_polygons(p.labels, p.tolerance))
    shapes.push_back({{"label", p.classes[polygon.label]},
                      {"points", points(polygon.rings.front())},
                      {"group_id", nullptr},
                      {"shape_type", "polygon"},
                      {"flags", Json::object()}});
  return text({{"version", "5.0.1"},
               {"flags", Json::object()},
               {"shapes", shapes},
               {"imagePath", image.string()},
               {"imageData", nullptr},
               {"imageHeight", p.labels.height},
               {"imageWidth", p.labels.width}}) +
         "\n";
}

std::string datumaro_document(const Annotated& p) {
  Json annotations = Json::array();
  for (const auto& [label, mask] : encode_rles(p.labels))
    annotations.push_back({{"id", annotation_id(p, label)},
                           {"type", "mask"},
                           {"attributes", Json::object()},
                           {"group", 0},
                           {"label_id", label},
                           {"rle", rle(mask)},
                           {"z_order", 0}});
  const Json item{{"id", p.name},
                  {"annotations", annotations},
                  {"image", {{"path", p.image.string()}, {"size", {p.labels.height, p.labels.width}}}}};
  return text({{"info", Json::object()},
               {"categories", datumaro_categories(p.classes, p.colors)},
               {"items", Json::array({item})}}) +
         "\n";
}

void join_datumaro(const fs::path& result, const EachDocument& each) {
  WholeFile file(result);
  file.write("{\"info\": {},\n\"items\": [");
  Json categories = Json::object();
  write_elements(file, "items", each,
                 [&](const Json& first) { categories = first.value("categories", Json()); });
  file.write("\n],\n\"categories\": " + text(categories) + "}\n");
  file.finish();
}

std::string geojson_head(double tolerance, const std::optional<MapPlane>& plane) {
  std::string head = "{\"type\": \"FeatureCollection\", ";
  if (plane && !plane->crs.empty())
    head += "\"crs\": " + text({{"type", "name"}, {"properties", {{"name", plane->crs}}}}) + ", ";
  return head + fmt::format("\"tolerance_pixels\": {}, \"features\": [\n", tolerance);
}

std::string geojson_features(const LabelMap& labels, Corner origin, std::span<const std::string> classes,
                             std::span<const Rgb> colors, double tolerance,
                             const std::optional<MapPlane>& plane) {
  std::string features;
  for (const LabelPolygon& polygon : label_polygons(labels, tolerance)) {
    Json rings = Json::array();
    for (const auto& ring : polygon.rings) rings.push_back(ring_in_plane(ring, origin, plane));
    const Json feature{{"type", "Feature"},
                       {"properties",
                        {{"class", polygon.label},
                         {"name", classes[polygon.label]},
                         {"pixels", polygon.area},
                         {"color", color_text(colors[polygon.label])}}},
                       {"geometry", {{"type", "Polygon"}, {"coordinates", rings}}}};
    if (!features.empty()) features += ",\n";
    features += text(feature);
  }
  return features;
}

std::string geojson_document(const Annotated& p, const std::optional<MapPlane>& plane) {
  return geojson_head(p.tolerance, plane) +
         geojson_features(p.labels, {}, p.classes, p.colors, p.tolerance, plane) + kGeojsonEnd;
}

}  // namespace san::cli
