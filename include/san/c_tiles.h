/* Pictures larger than memory: read, segmented and written some rows at a time. Included by san/san.h, which
 * begins with the rules. */
#ifndef SAN_C_TILES_H
#define SAN_C_TILES_H

#include "san/san.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A picture that need not be in memory. */
typedef struct san_picture_parts {
  size_t size; /* sizeof(san_picture_parts) */
  int32_t height, width;
  /* Puts the rectangle of `height` × `width` pixels at (y, x) into `rgb`, 3 bytes a pixel, rows without gaps.
   * Called in the thread that segments, tile by tile, rows of tiles from top to bottom. Returns SAN_OK; any
   * other code ends the work, SAN_CANCELLED as a cancellation, others as an error that repeats why a function
   * of this library failed last in it. */
  int (*read)(int32_t y, int32_t x, int32_t height, int32_t width, uint8_t* rgb, void* user);
  void* user;
} san_picture_parts;

/* What was found in some rows of a picture, in its full width; valid until the function that gets it returns.
 */
typedef struct san_label_rows {
  size_t size;               /* of what the library fills: fields of a later header may not be there */
  const uint16_t* labels;    /* [height, width]; NULL with more than 65,535 classes */
  const float* label_scores; /* [height, width]; NULL unless asked for */
  const int64_t* areas;      /* pixels of each class in these rows, [classes + 1], the last for "other" */
  int32_t y;                 /* of the first row */
  int32_t height, width;
  int32_t classes;
  const uint32_t* labels32; /* [height, width] */
} san_label_rows;
/* Returns what san_picture_parts.read does. */
typedef int (*san_take_rows)(const san_label_rows* rows, void* user);

/* Bands of rows from top to bottom, each given to `take` as it is done: needs options.tile, and progress
 * counts tiles. Memory: a tile, a band in which tiles overlap with the next, and the network's answers for
 * two rows of tiles. The labels are those of san_segment(). */
SAN_C_API int san_segment_tiles(san_segmenter* segmenter, const san_vocabulary* vocabulary,
                                const san_picture_parts* picture, const san_segment_options* options,
                                san_take_rows take, void* user);

/* Where on Earth a picture lies, as GeoTIFF says it. */
typedef struct san_tiff_tag {
  uint16_t tag, type; /* of TIFF */
  uint32_t count;
  const void* values; /* as in memory, `bytes` of them */
  size_t bytes;
} san_tiff_tag;
typedef struct san_georeference {
  size_t size;              /* sizeof(san_georeference); set it before the call */
  const san_tiff_tag* tags; /* as in the file */
  size_t tag_count;
  /* From corners of pixels to the map: X = t[0]·x + t[1]·y + t[2], Y = t[3]·x + t[4]·y + t[5]. NULL where the
   * file has control points instead. Written are the tags alone. */
  const double* transform;
  const char* crs; /* "urn:ogc:def:crs:EPSG::32633"; "" where the file names no EPSG code */
} san_georeference;

/* A TIFF or BigTIFF of any size, read some rows at a time by a helper process without rights: grey, palette,
 * RGB and YCbCr of 8 bit; 16 bit scaled to 8; of more than three channels the first. The first picture of the
 * file; orientation is not applied. */
typedef struct san_tiff san_tiff;
/* 1 when the file begins as a TIFF does; 0 when not or when it cannot be opened, -1 on failure. */
SAN_C_API int san_is_tiff(const char* path);
SAN_C_API san_tiff* san_tiff_open(const char* path);
SAN_C_API int san_tiff_height(const san_tiff* tiff); /* pixels; 0 of NULL */
SAN_C_API int san_tiff_width(const san_tiff* tiff);
SAN_C_API int san_tiff_get_georeference(const san_tiff* tiff, san_georeference* georeference);
/* Rows [row, row + rows) as RGB, into `rgb` of `capacity` bytes. */
SAN_C_API int san_tiff_read(san_tiff* tiff, int row, int rows, uint8_t* rgb, size_t capacity);
/* For san_segment_tiles(); keeps the rows of one row of tiles. Valid as long as the tiff. */
SAN_C_API int san_tiff_parts(san_tiff* tiff, san_picture_parts* parts);
SAN_C_API void san_tiff_free(san_tiff* tiff);

/* Writes a label map of any size as a TIFF in compressed strips, from top to bottom; the file appears when it
 * is finished. 8 bit a pixel, 16 where there are more than 256 classes, 32 above 65,536. */
typedef struct san_label_tiff san_label_tiff;
typedef struct san_label_tiff_options {
  size_t size; /* sizeof(san_label_tiff_options) */
  int32_t height, width;
  int32_t classes;        /* labels are below it */
  int32_t big_tiff;       /* 1: BigTIFF; 0: only where 4 GiB might not do */
  const uint8_t* palette; /* 3 bytes for each of `color_count` labels, or NULL; with 8 bit alone */
  size_t color_count;
  const san_georeference* georeference; /* or NULL */
} san_label_tiff_options;
SAN_C_API san_label_tiff* san_label_tiff_create(const char* path, const san_label_tiff_options* options);
/* The next rows: [height, width], in the picture's width. */
SAN_C_API int san_label_tiff_add(san_label_tiff* tiff, const uint16_t* labels, int height, int width);
/* An error unless all rows are there. */
SAN_C_API int san_label_tiff_finish(san_label_tiff* tiff);
/* What was not finished leaves no file. */
SAN_C_API void san_label_tiff_free(san_label_tiff* tiff);

#ifdef __cplusplus
}
#endif
#endif
