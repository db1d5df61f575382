/* A program as it was built against the first header of libsan: it declares what that header had, when the
 * option structs ended earlier than they do now, and must go on working with every later library. */
#include <stddef.h>
#include <stdint.h>

typedef struct san_model san_model;
typedef struct san_vocabulary san_vocabulary;
typedef struct san_segmenter san_segmenter;

typedef struct san_model_options {
  size_t size;
  const char* backend;
} san_model_options;
typedef struct san_pixels {
  size_t size;
  const void* data;
  int32_t height, width;
} san_pixels;
typedef struct san_segment_options {
  size_t size;
  int32_t other, label_scores;
} san_segment_options;
typedef struct san_cost {
  size_t size;
  int32_t height, width;
} san_cost;

san_model* san_model_load(const char* model, const san_model_options* options);
void san_model_free(san_model* model);
int san_model_get_cost(const san_model* model, int height, int width, san_cost* cost);
san_vocabulary* san_vocabulary_parse(const san_model* model, const char* list, const void* options);
void san_vocabulary_free(san_vocabulary* vocabulary);
san_segmenter* san_segmenter_create(const san_model* model);
void san_segmenter_free(san_segmenter* segmenter);
int san_segment_labels(san_segmenter* segmenter, const san_vocabulary* vocabulary, const san_pixels* pixels,
                       const san_segment_options* options, uint16_t* labels, size_t capacity);
int old_program(const uint8_t* rgb, int height, int width, uint16_t* labels);

/* Labels of a picture, by "cat, sofa, wall". Returns 0, or the number of the step that failed. */
int old_program(const uint8_t* rgb, int height, int width, uint16_t* labels) {
  /* What follows a struct in memory is not the library's to read or write. */
  struct {
    san_model_options options;
    unsigned char beyond[64];
  } model_options = {{sizeof(san_model_options), "native"}, {0}};
  struct {
    san_pixels pixels;
    unsigned char beyond[64];
  } picture = {{sizeof(san_pixels), rgb, height, width}, {0}};
  struct {
    san_segment_options options;
    unsigned char beyond[64];
  } segment_options = {{sizeof(san_segment_options), 0, 0}, {0}};
  struct {
    san_cost cost;
    unsigned char beyond[64];
  } cost = {{sizeof(san_cost), 0, 0}, {0}};
  for (size_t i = 0; i < 64; ++i)
    model_options.beyond[i] = picture.beyond[i] = segment_options.beyond[i] = cost.beyond[i] = 0xab;

  int failed = 0;
  san_model* model = san_model_load("formula:tiny", &model_options.options);
  if (model == NULL) return 1;
  if (san_model_get_cost(model, height, width, &cost.cost) != 0 || cost.cost.height <= 0) failed = 2;
  for (size_t i = 0; i < 64; ++i)
    if (cost.beyond[i] != 0xab) failed = 3;
  san_vocabulary* words = san_vocabulary_parse(model, "cat, sofa, wall", NULL);
  san_segmenter* segmenter = san_segmenter_create(model);
  if (words == NULL || segmenter == NULL) failed = 4;
  if (failed == 0 && san_segment_labels(segmenter, words, &picture.pixels, &segment_options.options, labels,
                                        (size_t)height * (size_t)width) != 0)
    failed = 5;
  san_segmenter_free(segmenter);
  san_vocabulary_free(words);
  san_model_free(model);
  return failed;
}
