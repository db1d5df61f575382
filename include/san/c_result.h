/* What was found in a picture. Included by san/san.h, which begins with the rules. */
#ifndef SAN_C_RESULT_H
#define SAN_C_RESULT_H

#include "san/c_base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct san_proposals san_proposals;

typedef struct san_timing {
  size_t size; /* sizeof(san_timing); set it before the call */
  double resize_ms, network_ms, labels_ms;
} san_timing;

SAN_C_API void san_result_free(san_result* result);
SAN_C_API int san_result_height(const san_result* result); /* of the picture, pixels; 0 of NULL */
SAN_C_API int san_result_width(const san_result* result);
SAN_C_API size_t san_result_classes(const san_result* result);
SAN_C_API const char* san_result_class(const san_result* result, size_t index);
/* [height, width]: index of each pixel's class, or the number of classes for "other". NULL and an error where
 * there are more than 65,535 classes: san_result_labels32() gives those. */
SAN_C_API const uint16_t* san_result_labels(const san_result* result);
/* [height, width], when label_scores were asked for; else NULL. */
SAN_C_API const float* san_result_label_scores(const san_result* result);
/* Pixels of a class; of "other" with the number of classes. -1 beyond. */
SAN_C_API int64_t san_result_area(const san_result* result, size_t index);
/* The mask of a class, or of "other" with the number of classes: COCO's compressed run lengths, of the
 * picture's size. */
SAN_C_API san_buffer* san_result_rle(const san_result* result, size_t index);
SAN_C_API int san_result_get_timing(const san_result* result, san_timing* timing);

/* Scores of `count` classes, [count, height, width], into `scores` of `capacity` entries. height and width: 0
 * and 0 for the picture's. The number of classes stands for the learned background. */
SAN_C_API int san_result_class_scores(const san_result* result, const int32_t* classes, size_t count,
                                      int height, int width, float* scores, size_t capacity);
/* A safetensors file, one [height, width] tensor per class. */
SAN_C_API int san_result_save_scores(const san_result* result, const char* path);
/* Areas, scores and COCO run-length masks as a JSON object; proposals: NULL or what is to be in it too.
 * image, model: names to stand in it, or NULL. */
SAN_C_API san_buffer* san_result_json(const san_result* result, const char* image, const char* model,
                                      const san_proposals* proposals);
/* What the description of a result names beside the result. */
typedef struct san_json_options {
  size_t size;               /* sizeof(san_json_options) */
  const char *image, *model; /* as the user named them, or NULL */
  const san_proposals* proposals;
  const uint8_t* colors; /* 3 bytes per class; NULL: distinct colours */
  size_t color_count;
} san_json_options;
/* The same with all that may stand in it. */
SAN_C_API san_buffer* san_result_json_with(const san_result* result, const san_json_options* options);

/* The picture people look at. */
typedef struct san_overlay_options {
  size_t size;   /* sizeof(san_overlay_options) */
  float opacity; /* of the colours, to 1; 0: one half */
  int32_t no_contours, no_names, no_legend;
  const uint8_t* colors; /* 3 bytes per class; NULL: distinct colours */
  size_t color_count;
} san_overlay_options;
SAN_C_API san_image* san_result_overlay(const san_result* result, const san_pixels* pixels,
                                        const san_overlay_options* options);
/* The same into the picture itself, without a legend: for frames, no picture is made anew. */
SAN_C_API int san_result_paint_overlay(const san_result* result, san_image* image,
                                       const san_overlay_options* options);
/* The picture and its overlay without a legend side by side, `height` pixels high (0: 256): a cell of a
 * sheet. colors: as in san_overlay_options. */
SAN_C_API san_image* san_result_sheet_cell(const san_result* result, const san_pixels* pixels,
                                           const uint8_t* colors, size_t color_count, int height);
/* Cells in rows on a dark ground, each column as wide as its widest. */
SAN_C_API san_image* san_draw_sheet(const san_image* const* cells, size_t count, int columns);

/* Mask proposals, the best score first. */
typedef struct san_proposal {
  size_t size; /* sizeof(san_proposal); set it before the call */
  int32_t query, class_index;
  float score, class_score, mask_score; /* score: the product of the other two */
  int64_t area;                         /* pixels */
  const char* rle_counts;               /* COCO's compressed run lengths, of the picture's size */
} san_proposal;
/* threshold: of the mask probability, in (0, 1); 0: one half. */
SAN_C_API san_proposals* san_result_proposals(const san_result* result, float min_class_score,
                                              float threshold);
SAN_C_API size_t san_proposals_count(const san_proposals* proposals);
SAN_C_API int san_proposals_get(const san_proposals* proposals, size_t index, san_proposal* proposal);
/* [height, width] of 0 and 1, into `mask` of `capacity` entries. */
SAN_C_API int san_proposals_mask(const san_proposals* proposals, size_t index, uint8_t* mask,
                                 size_t capacity);
SAN_C_API void san_proposals_free(san_proposals* proposals);

#ifdef __cplusplus
}
#endif
#endif
