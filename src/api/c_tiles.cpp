#include <algorithm>
#include <array>

#include "api/c_support.h"
#include "base/error.h"
#include "base/labels.h"
#include "san/tiff.hpp"

using namespace san::c;

struct san_tiff {
  explicit san_tiff(const char* path) : picture(path) {
    for (const san::Georeference::Tag& t : picture.georeference().tags)
      tags.push_back({t.tag, t.type, t.count, t.values.data(), t.values.size()});
  }

  san::TiffPicture picture;
  std::vector<san_tiff_tag> tags;
  san::PictureParts parts = picture.parts();
  san::Image part;
};
struct san_label_tiff {
  san::LabelTiff tiff;
};

namespace {

constexpr std::int32_t kLongestSide = 1 << 30;

/// What a caller's function returned ends the work here. The reason of its own that it may have is that of
/// the library's function which failed in it last.
void heed(int code, const char* what) {
  if (code == SAN_OK) return;
  if (code == SAN_CANCELLED) throw san::Cancelled(std::string(what) + ": cancelled");
  const char* why = san_last_error();
  san::fail("{} returned {}{}{}", what, code, why[0] != '\0' ? ": " : "", why);
}

san::PictureParts parts_of(const san_picture_parts* given) {
  need(given, "picture");
  const san_picture_parts p = read(given, "san_picture_parts");
  san::require(p.read != nullptr, "san_picture_parts.read is NULL");
  san::require(p.height > 0 && p.width > 0 && p.height <= kLongestSide && p.width <= kLongestSide,
               "san_picture_parts: {} × {} pixels; expected sides of 1 to 2^30", p.width, p.height);
  return {p.height, p.width, [p](int y, int x, int height, int width, san::Image& into) {
            into.height = height, into.width = width;
            into.rgb.resize(static_cast<std::size_t>(height) * into.row_bytes());
            clear_error();
            heed(p.read(y, x, height, width, into.rgb.data(), p.user), "san_picture_parts.read");
          }};
}

int read_part(int32_t y, int32_t x, int32_t height, int32_t width, uint8_t* rgb, void* user) {
  return status([&] {
    san_tiff& t = *static_cast<san_tiff*>(user);
    t.parts.read(y, x, height, width, t.part);
    std::ranges::copy(t.part.rgb, rgb);
  });
}

/// Bytes of one value of TIFF's types.
std::size_t value_bytes(std::uint16_t type) {
  constexpr std::array<std::uint8_t, 19> kBytes{0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8};
  san::require(type < kBytes.size() && kBytes[type] > 0, "san_tiff_tag.type is {}; expected one of TIFF's",
               type);
  return kBytes[type];
}

san::Georeference georeference_of(const san_georeference* given) {
  const san_georeference g = read(given, "san_georeference");
  if (g.tag_count > 0) need(g.tags, "san_georeference.tags");
  san::Georeference georeference;
  for (size_t i = 0; i < g.tag_count; ++i) {
    const san_tiff_tag& t = g.tags[i];
    san::require(t.bytes == t.count * value_bytes(t.type),
                 "san_tiff_tag {}: {} bytes for {} values of type {}; expected {} each", t.tag, t.bytes,
                 t.count, t.type, value_bytes(t.type));
    if (t.bytes > 0) need(t.values, "san_tiff_tag.values");
    const auto* values = static_cast<const std::byte*>(t.values);
    georeference.tags.push_back({t.tag, t.type, t.count, {values, values + t.bytes}});
  }
  return georeference;
}

}  // namespace

int san_segment_tiles(san_segmenter* segmenter, const san_vocabulary* vocabulary,
                      const san_picture_parts* picture, const san_segment_options* options,
                      san_take_rows take, void* user) {
  return status([&] {
    san::Segmenter& s = at(segmenter, "segmenter").segmenter;
    const san::Vocabulary& words = at(vocabulary, "vocabulary").vocabulary;
    san::require(take != nullptr, "take is NULL");
    std::vector<std::uint16_t> narrow;
    s.segment_tiles(parts_of(picture), words, segmentation_options(options), [&](san::LabelRows& rows) {
      const std::size_t classes = rows.areas.size() - 1;
      if (classes <= san::kNoLabel16) narrow.assign(rows.labels.labels.begin(), rows.labels.labels.end());
      const san_label_rows given{sizeof given,
                                 classes <= san::kNoLabel16 ? narrow.data() : nullptr,
                                 rows.label_scores.empty() ? nullptr : rows.label_scores.data(),
                                 rows.areas.data(),
                                 rows.y,
                                 rows.labels.height,
                                 rows.labels.width,
                                 static_cast<int32_t>(classes),
                                 rows.labels.labels.data()};
      clear_error();
      heed(take(&given, user), "take");
    });
  });
}

int san_is_tiff(const char* path) {
  return guard(-1, [&] {
    need(path, "path");
    return san::TiffPicture::is_tiff(path) ? 1 : 0;
  });
}
san_tiff* san_tiff_open(const char* path) {
  return guard<san_tiff*>(nullptr, [&] {
    need(path, "path");
    return new san_tiff(path);
  });
}
int san_tiff_height(const san_tiff* tiff) {
  return tiff != nullptr ? tiff->picture.height() : 0;
}
int san_tiff_width(const san_tiff* tiff) {
  return tiff != nullptr ? tiff->picture.width() : 0;
}
int san_tiff_get_georeference(const san_tiff* tiff, san_georeference* georeference) {
  return status([&] {
    const san_tiff& t = at(tiff, "tiff");
    const san::Georeference& g = t.picture.georeference();
    fill(georeference,
         {0, t.tags.data(), t.tags.size(), g.transform ? g.transform->data() : nullptr, g.crs.c_str()},
         "san_georeference");
  });
}
int san_tiff_read(san_tiff* tiff, int row, int rows, uint8_t* rgb, size_t capacity) {
  return status([&] {
    san_tiff& t = at(tiff, "tiff");
    need(rgb, "rgb");
    require_room(capacity, 3, rows, t.picture.width(), "rgb");
    t.picture.read(row, rows, t.part);
    std::ranges::copy(t.part.rgb, rgb);
  });
}
int san_tiff_parts(san_tiff* tiff, san_picture_parts* parts) {
  return status([&] {
    san_tiff& t = at(tiff, "tiff");
    fill(parts, {0, t.picture.height(), t.picture.width(), read_part, tiff}, "san_picture_parts");
  });
}
void san_tiff_free(san_tiff* tiff) {
  delete tiff;
}

san_label_tiff* san_label_tiff_create(const char* path, const san_label_tiff_options* options) {
  return guard<san_label_tiff*>(nullptr, [&] {
    need(path, "path");
    const san_label_tiff_options o = read(options, "san_label_tiff_options");
    return new san_label_tiff{san::LabelTiff(path, o.height, o.width, o.classes,
                                             colors(o.palette, o.color_count),
                                             georeference_of(o.georeference), o.big_tiff != 0)};
  });
}
int san_label_tiff_add(san_label_tiff* tiff, const uint16_t* labels, int height, int width) {
  return status([&] { at(tiff, "tiff").tiff.add(label_map(labels, height, width)); });
}
int san_label_tiff_add32(san_label_tiff* tiff, const uint32_t* labels, int height, int width) {
  return status([&] { at(tiff, "tiff").tiff.add(label_map(labels, height, width)); });
}
int san_label_tiff_finish(san_label_tiff* tiff) {
  return status([&] { at(tiff, "tiff").tiff.finish(); });
}
void san_label_tiff_free(san_label_tiff* tiff) {
  delete tiff;
}
