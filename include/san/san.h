/* san: open-vocabulary semantic segmentation, C interface. Every function that can fail returns NULL or a
 * non-zero code; san_last_error() then says why, per thread. Models and vocabularies may be shared by
 * threads, a segmenter may not. */
#ifndef SAN_SAN_H
#define SAN_SAN_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define SAN_C_API __attribute__((visibility("default")))
#else
#define SAN_C_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct san_model san_model;
typedef struct san_vocabulary san_vocabulary;
typedef struct san_segmenter san_segmenter;

SAN_C_API const char* san_version(void);
/* Message of this thread's last failure, "" if there was none. Valid until the next call in this thread. */
SAN_C_API const char* san_last_error(void);

/* model: a model file, "default" or "formula:vit-b-16"; threads: of one segmenter, 0 for one per processor.
 */
SAN_C_API san_model* san_model_load(const char* model, int threads);
SAN_C_API void san_model_free(san_model* model);
SAN_C_API const char* san_model_description(const san_model* model);

/* classes: `count` UTF-8 names; "couch|sofa" is one class with two names. */
SAN_C_API san_vocabulary* san_vocabulary_create(const san_model* model, const char* const* classes,
                                                size_t count);
SAN_C_API void san_vocabulary_free(san_vocabulary* vocabulary);

SAN_C_API san_segmenter* san_segmenter_create(const san_model* model);
SAN_C_API void san_segmenter_free(san_segmenter* segmenter);

/* rgb: height × width × 3 bytes, rows stride_bytes apart. labels: height × width entries to be filled with
 * class indices. With `other`, pixels the learned background wins get the index `count` of the vocabulary.
 * Returns 0, or 1 on failure. */
SAN_C_API int san_segment(san_segmenter* segmenter, const san_vocabulary* vocabulary, const uint8_t* rgb,
                          int height, int width, size_t stride_bytes, int other, uint16_t* labels);

#ifdef __cplusplus
}
#endif
#endif
