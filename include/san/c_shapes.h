/* Regions of label maps as polygons, masks as run lengths. Included by san/san.h, which begins with the
 * rules. */
#ifndef SAN_C_SHAPES_H
#define SAN_C_SHAPES_H

#include "san/c_base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One connected region of a label map (through the sides of pixels, not across corners). */
typedef struct san_polygon {
  size_t size;  /* sizeof(san_polygon); set it before the call */
  int64_t area; /* pixels of the region */
  /* x, y, x, y … of corners of pixels, x from 0 to the width, y from 0 to the height, downwards. The
   * outline's come first, clockwise as seen, then those of each hole, anticlockwise; the first of a ring is
   * not repeated. */
  const int32_t* corners;
  const size_t* ring_sizes; /* corners of each ring */
  size_t ring_count;
  int32_t label;
  int32_t reserved; /* 0 */
} san_polygon;

/* The regions of all labels of [height, width]. Painted in their order, each with its first ring alone, they
 * give the map back: what lies in a hole comes later. tolerance, pixels: no corner of a region's outline is
 * farther from its polygon than that; 0: the polygons are the map. Neighbours share their simplified border.
 */
typedef struct san_polygons san_polygons;
SAN_C_API san_polygons* san_label_polygons(const uint16_t* labels, int height, int width, double tolerance);
SAN_C_API size_t san_polygons_count(const san_polygons* polygons);
SAN_C_API int san_polygons_get(const san_polygons* polygons, size_t index, san_polygon* polygon);
SAN_C_API void san_polygons_free(san_polygons* polygons);
/* Gives each polygon's label, one after the other, to the pixels of `labels`, [height, width], whose centre
 * is inside an odd number of its rings. What leaves the map is cut off. */
SAN_C_API int san_paint_polygons(const san_polygon* const* polygons, size_t count, uint16_t* labels,
                                 int height, int width);

/* COCO's compressed run lengths, the string of pycocotools, of [height, width] values; what is not 0 is set.
 */
SAN_C_API san_buffer* san_encode_rle(const uint8_t* mask, int height, int width);
/* [height, width] of 0 and 1, into `mask` of `capacity` entries. An error when the runs do not add up. */
SAN_C_API int san_decode_rle(const char* counts, int height, int width, uint8_t* mask, size_t capacity);

#ifdef __cplusplus
}
#endif
#endif
