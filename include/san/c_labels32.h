/* Labels of 32 bits, for lists of more classes than 16 bits tell apart: what the functions of the same names
 * without 32 do, which take and give no more than 65,535 classes and are an error for longer lists. Included
 * by san/san.h, which begins with the rules. */
#ifndef SAN_C_LABELS32_H
#define SAN_C_LABELS32_H

#include "san/c_result.h"
#include "san/c_shapes.h"
#include "san/san.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Of san/c_bank.h and san/c_tiles.h, which may not have been read yet. */
struct san_bank_builder;
struct san_label_tiff;

/* Where no class is known; -1 to readers of signed integers. 65535 in labels of 16 bits. */
#define SAN_NO_LABEL UINT32_MAX

/* [height, width]: index of each pixel's class, or the number of classes for "other". */
SAN_C_API const uint32_t* san_result_labels32(const san_result* result);
SAN_C_API int san_segment_labels32(san_segmenter* segmenter, const san_vocabulary* vocabulary,
                                   const san_pixels* pixels, const san_segment_options* options,
                                   uint32_t* labels, size_t capacity);
/* As a PNG, which holds no label above 65535: san_label_tiff_add32() writes those. */
SAN_C_API san_buffer* san_encode_labels32(const uint32_t* labels, int height, int width,
                                          const uint8_t* palette, size_t colors);
SAN_C_API int san_label_tiff_add32(struct san_label_tiff* tiff, const uint32_t* labels, int height,
                                   int width);
SAN_C_API san_polygons* san_label_polygons32(const uint32_t* labels, int height, int width, double tolerance);
SAN_C_API int san_paint_polygons32(const san_polygon* const* polygons, size_t count, uint32_t* labels,
                                   int height, int width);
/* labels: indices of classes, SAN_NO_LABEL where nothing is known. */
SAN_C_API int san_bank_builder_add32(struct san_bank_builder* builder, const san_pixels* pixels,
                                     const uint32_t* labels, size_t capacity,
                                     const san_segment_options* options);
/* Ended by a cancellation, or NULL. */
SAN_C_API int san_bank_builder_add_regions32(struct san_bank_builder* builder, const san_features* features,
                                             const uint32_t* labels, size_t capacity,
                                             const san_cancellation* cancellation, size_t* examples);

#ifdef __cplusplus
}
#endif
#endif
