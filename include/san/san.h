/* san: open-vocabulary semantic segmentation, C interface.
 *
 *   san_model* model = san_model_load("default", NULL);
 *   san_vocabulary* words = san_vocabulary_parse(model, "cat, sofa|couch, wall", NULL);
 *   san_segmenter* segmenter = san_segmenter_create(model);
 *   san_result* result = san_segment(segmenter, words, &pixels, NULL);
 *   const uint16_t* labels = san_result_labels(result);
 *
 * Failure: functions that make something return NULL, the others a code other than SAN_OK; san_last_error()
 * says why. Nothing is ever thrown, and a NULL argument is an error like others. *_free take NULL.
 *
 * Options: structs whose first field is their size, filled by the caller: {.size = sizeof options}. Every
 * other field that is zero means its default, and NULL in place of a struct means all defaults. So a program
 * built with an older header runs with a newer library, and the other way round as long as it asks for
 * nothing that the library lacks (then: an error).
 *
 * Ownership: what a function returns as a pointer to an opaque type is the caller's, to be given to its
 * *_free. Pointers to const data belong to the handle they came from and live as long as it does. Handles
 * keep what they need: a segmenter outlives the model it was made from.
 *
 * Threads: models, vocabularies, features and banks may be used by any number of threads, everything else by
 * one at a time.
 *
 * Beside this header, which includes them: pictures, errors, buffers, cancellation san/c_base.h; banks of
 * examples san/c_bank.h; results san/c_result.h; polygons and run lengths san/c_shapes.h; pictures larger
 * than memory, TIFFs san/c_tiles.h; how a picture became labels san/c_explain.h; lists of more than 65,535
 * classes san/c_labels32.h.
 */
#ifndef SAN_SAN_H
#define SAN_SAN_H

#include "san/c_base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Models */
typedef struct san_model san_model;
typedef struct san_model_options {
  size_t size;               /* sizeof(san_model_options) */
  const char* backend;       /* NULL: "native" */
  const char* device;        /* NULL: "cpu" */
  const char* precision;     /* NULL: "model"; "fp32", "int8", "auto": as in san/model.hpp */
  const char* method;        /* NULL: what the model file is made for */
  const san_threads* budget; /* NULL: `threads` of the model's own; may be freed after the call */
  int32_t threads;           /* 0: one per processor */
  const char* bpe_file;      /* tokenizer merges that replace the model's own */
  const char* formula_seed;  /* of "formula:NAME" */
  /* How often labels of a score are right: a file that `san evaluate --calibrate` wrote for this network;
   * "none"; NULL: the built-in model's own, none for others. */
  const char* calibration;
  const char* text_precision; /* NULL: "fp32"; of words: "int8", "bf16", "auto" */
} san_model_options;
typedef struct san_model_facts {
  size_t size; /* sizeof(san_model_facts); set it before the call */
  const char *name, *description, *license, *card;
  const char* limits; /* what it cannot do, as its card says; "" where the card does not */
  const char *method, *backend, *device, *precision;
  int32_t knows_background, makes_masks;     /* the option `other` and proposals are possible */
  int32_t random_weights, untrained_adapter; /* labels, masks mean nothing */
  int64_t parameters, text_parameters;
  int32_t short_side, long_side; /* pixels that pictures are resized to */
  int32_t embedding, context;    /* values per name, tokens per prompt */
  int32_t template_count;        /* prompts per name */
  int32_t reserved;              /* 0 */
  /* A label of a score is right with the probability curve_a × score^curve_b, which is what min_score bounds;
   * both are 1 where the curve is not known. */
  double curve_a, curve_b;
  int32_t knows_curve, takes_banks; /* san_vocabulary_with_bank() is possible */
  const char* text_precision;
} san_model_facts;
typedef struct san_cost {
  size_t size;           /* sizeof(san_cost); set it before the call */
  int32_t height, width; /* of the network's input, pixels */
  int64_t macs;          /* multiply-adds of the image branch */
  int64_t peak_activation_bytes;
} san_cost;

/* model: a file, a name given to `san pull`, "default" (built in), "formula:vit-b-16" (random weights). */
SAN_C_API san_model* san_model_load(const char* model, const san_model_options* options);
SAN_C_API void san_model_free(san_model* model);
SAN_C_API int san_model_get_facts(const san_model* model, san_model_facts* facts);
SAN_C_API int san_model_get_cost(const san_model* model, int height, int width, san_cost* cost);
/* Its prompt templates, each with one {}; NULL beyond the last. */
SAN_C_API const char* san_model_template(const san_model* model, size_t index);
/* Names that the options take in this program; NULL beyond the last. */
SAN_C_API const char* san_backend_name(size_t index);
SAN_C_API const char* san_method_name(size_t index);

/* Vocabularies */
typedef struct san_vocabulary san_vocabulary;
typedef struct san_vocabulary_options {
  size_t size;                  /* sizeof(san_vocabulary_options) */
  const char* const* templates; /* each with one {}; NULL: the model's own */
  size_t template_count;
  const char* cache_folder; /* NULL: $SAN_CACHE_DIR, $XDG_CACHE_HOME/san or ~/.cache/san */
  int32_t no_cache;
  const san_cancellation* cancellation;
  san_progress progress; /* prompts done and to do */
  void* user;
  /* Further names that are looked for too, but what they win is "other". */
  const char* const* distractors;
  size_t distractor_count;
  /* Not zero, instead: those of san_distractors() for fewer than 20 classes, none for more or of random
   * weights; what the command line does unless told. */
  int32_t choose_distractors;
  int32_t reserved; /* 0 */
  /* Classes are asked for by other names that people use for them, too: from the list written for that label
   * set, or for "demo-world". A class that has several names keeps to them. NULL: by their own alone. */
  const char* synonyms;
} san_vocabulary_options;

/* classes: `count` UTF-8 names; "couch|sofa" is one class with two names. */
SAN_C_API san_vocabulary* san_vocabulary_create(const san_model* model, const char* const* classes,
                                                size_t count, const san_vocabulary_options* options);
/* "cat, couch|sofa, wall"; a file with one class per line; a built-in list. */
SAN_C_API san_vocabulary* san_vocabulary_parse(const san_model* model, const char* list,
                                               const san_vocabulary_options* options);
SAN_C_API san_vocabulary* san_vocabulary_read(const san_model* model, const char* path,
                                              const san_vocabulary_options* options);
SAN_C_API san_vocabulary* san_vocabulary_of_label_set(const san_model* model, const char* label_set,
                                                      const san_vocabulary_options* options);
SAN_C_API const char* san_label_set_name(size_t index); /* NULL beyond the last */
typedef struct san_label_set_class {
  size_t size;        /* sizeof(san_label_set_class); set it before the call */
  const char* name;   /* as fed to CLIP: synonyms stay joined by commas */
  int64_t dataset_id; /* the number that the dataset itself gives the class */
  int32_t is_thing;   /* 1: countable object, 0: stuff, -1: the dataset does not say */
  int32_t reserved;   /* 0 */
} san_label_set_class;
/* Of a built-in list: classes, 0 on failure; and one of them, valid for ever. */
SAN_C_API size_t san_label_set_size(const char* label_set);
SAN_C_API int san_label_set_get(const char* label_set, size_t index, san_label_set_class* entry);
/* Customary colours of a built-in list, 3 bytes per class; empty where it has none. */
SAN_C_API san_buffer* san_label_set_palette(const char* label_set);
/* Templates of a built-in set ("vild", "imagenet", "single") or of a file, one a line. */
SAN_C_API san_buffer* san_prompt_templates(const char* set_or_file);
/* Embeddings kept in a file; loading fails with another text tower than that which made them. */
SAN_C_API int san_vocabulary_save(const san_vocabulary* vocabulary, const char* path);
SAN_C_API san_vocabulary* san_vocabulary_load(const san_model* model, const char* path);
SAN_C_API size_t san_vocabulary_size(const san_vocabulary* vocabulary);
SAN_C_API const char* san_vocabulary_class(const san_vocabulary* vocabulary, size_t index);
/* The distractors that it has, one a line. */
SAN_C_API san_buffer* san_vocabulary_distractors(const san_vocabulary* vocabulary);
SAN_C_API void san_vocabulary_free(san_vocabulary* vocabulary);
/* Names for san_vocabulary_options.distractors, one a line: of things that a picture may show beside these
 * classes, none of them a name or a kind of a class or as near to one as a synonym. */
SAN_C_API san_buffer* san_distractors(const san_model* model, const char* const* classes, size_t count,
                                      const san_vocabulary_options* options);

/* Segmenters: one thread's workspace each, sharing their model's threads. */
typedef struct san_segmenter san_segmenter;
typedef struct san_features san_features;
enum { SAN_EVALUATION = 0, SAN_DEMO = 1 };
typedef struct san_segment_options {
  size_t size;           /* sizeof(san_segment_options) */
  int32_t other;         /* 1: pixels the learned background wins get the label san_vocabulary_size() */
  int32_t label_scores;  /* 1: also the score of each pixel's label */
  int32_t preprocessing; /* SAN_EVALUATION or SAN_DEMO */
  int32_t short_side;    /* of the network's input, pixels; 0: the model's own */
  int32_t long_side;     /* limit on the other side; 0: in the model's proportion */
  const san_cancellation* cancellation;
  san_progress progress; /* pictures of a batch */
  void* user;
  float min_score; /* pixels whose label is less probably right, by the facts' curve, become "other" too */
  int32_t refine;  /* 1: edges follow those of the picture; features must have been looked at with it */
  int32_t augment; /* 1: six sizes, 0.5 to 1.75 times short_side, each also mirrored, averaged */
  int32_t window;  /* side of sliding windows, pixels of the picture, at least 32; 0: none */
  int32_t tile;    /* side of tiles that fade into each other, at least 32; 0: none. Not with window */
  int32_t tile_overlap; /* of tiles, pixels, at most half their side; 0: a quarter of it, -1: none */
} san_segment_options;

SAN_C_API san_segmenter* san_segmenter_create(const san_model* model);
SAN_C_API void san_segmenter_free(san_segmenter* segmenter);
/* The first picture of that size then takes no longer than those after it. */
SAN_C_API int san_segmenter_warm_up(san_segmenter* segmenter, int height, int width,
                                    const san_segment_options* options);
SAN_C_API san_result* san_segment(san_segmenter* segmenter, const san_vocabulary* vocabulary,
                                  const san_pixels* pixels, const san_segment_options* options);
/* Labels alone, into `labels` of height × width entries, `capacity` in all: for frames, nothing is allocated
 * anew. */
SAN_C_API int san_segment_labels(san_segmenter* segmenter, const san_vocabulary* vocabulary,
                                 const san_pixels* pixels, const san_segment_options* options,
                                 uint16_t* labels, size_t capacity);
/* Into a result of before, whose memory is used again: for frames. What it gave before, its labels and names
 * among it, is no longer valid; when the call fails the result stays as it was. */
SAN_C_API int san_segment_into(san_segmenter* segmenter, const san_vocabulary* vocabulary,
                               const san_pixels* pixels, const san_segment_options* options,
                               san_result* result);
/* Fills `results` with `count` results, or with none of them when it fails. */
SAN_C_API int san_segment_batch(san_segmenter* segmenter, const san_vocabulary* vocabulary,
                                const san_pixels* const* pixels, size_t count,
                                const san_segment_options* options, san_result** results);
/* Most of the work does not depend on the words: look once, ask often, with any segmenter of that model. */
SAN_C_API san_features* san_look(san_segmenter* segmenter, const san_pixels* pixels,
                                 const san_segment_options* options);
SAN_C_API san_result* san_segment_features(san_segmenter* segmenter, const san_features* features,
                                           const san_vocabulary* vocabulary,
                                           const san_segment_options* options);
SAN_C_API int san_segment_features_into(san_segmenter* segmenter, const san_features* features,
                                        const san_vocabulary* vocabulary, const san_segment_options* options,
                                        san_result* result);
SAN_C_API int san_features_height(const san_features* features); /* of the picture, pixels; 0 of NULL */
SAN_C_API int san_features_width(const san_features* features);
/* Memory that they hold, for whoever keeps many; the picture itself is not among it. */
SAN_C_API size_t san_features_bytes(const san_features* features);
SAN_C_API void san_features_free(san_features* features);

/* Videos: frames steadied between san_look() and san_segment_features(), each by those before it. */
typedef struct san_stream san_stream;
typedef struct san_stream_options {
  size_t size;      /* sizeof(san_stream_options) */
  float decay;      /* share of the past in what a mask is called, up to 1; 0: 0.85, below: none */
  float mask_decay; /* the same of the masks' outlines, where they stay in place; 0: 0.3, below: none */
  float cut;        /* likeness of two frames below which another begins, up to 1; 0: 0.45, below: none */
  int32_t reserved; /* 0 */
} san_stream_options;
SAN_C_API san_stream* san_stream_create(const san_stream_options* options);
SAN_C_API san_features* san_stream_next(san_stream* stream, const san_features* frame);
/* 1 when the latest frame began a scene, 0 when not, -1 on failure. */
SAN_C_API int san_stream_began_scene(const san_stream* stream);
SAN_C_API int san_stream_forget(san_stream* stream); /* what comes next begins anew */
/* Writes what is known of the frames so far, whole or not at all; a stream that loads it goes on where this
 * one stood. */
SAN_C_API int san_stream_save(const san_stream* stream, const char* path);
SAN_C_API int san_stream_load(san_stream* stream, const char* path);
SAN_C_API void san_stream_free(san_stream* stream);

/* Clips that are there as a whole, each frame steadied by all of them: first add every frame, then steady
 * every frame, both in their order. */
typedef struct san_whole_clip san_whole_clip;
typedef struct san_whole_clip_options {
  size_t size;      /* sizeof(san_whole_clip_options) */
  float alike;      /* cosine of the embeddings of masks that are taken for one thing, at least; 0: 0.97 */
  float share;      /* of the mean over the clip in what a mask is called; 0: 0.5, below: none */
  float decay;      /* then as of streams */
  float mask_decay; /* likewise */
} san_whole_clip_options;
SAN_C_API san_whole_clip* san_whole_clip_create(const san_whole_clip_options* options);
SAN_C_API int san_whole_clip_add(san_whole_clip* clip, const san_features* frame);
SAN_C_API san_features* san_whole_clip_steady(san_whole_clip* clip, const san_features* frame);
SAN_C_API void san_whole_clip_free(san_whole_clip* clip);

#ifdef __cplusplus
}
#endif

#include "san/c_bank.h"
#include "san/c_explain.h"
#include "san/c_labels32.h"
#include "san/c_result.h"
#include "san/c_shapes.h"
#include "san/c_tiles.h"
#endif
