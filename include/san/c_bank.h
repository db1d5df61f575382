/* Banks of labelled examples: what words cannot say, or say badly. Included by san/san.h, which begins with
 * the rules. */
#ifndef SAN_C_BANK_H
#define SAN_C_BANK_H

#include "san/san.h"

#ifdef __cplusplus
extern "C" {
#endif

/* As one network sees them; for any number of threads. */
typedef struct san_bank san_bank;
SAN_C_API san_bank* san_bank_load(const char* path);
SAN_C_API int san_bank_save(const san_bank* bank, const char* path);
/* The same in memory: the bytes of that file. `name` stands for its path in errors; NULL: "bank". */
SAN_C_API san_bank* san_bank_read(const void* bytes, size_t size, const char* name);
SAN_C_API san_buffer* san_bank_bytes(const san_bank* bank);
SAN_C_API size_t san_bank_size(const san_bank* bank); /* classes; 0 of NULL */
SAN_C_API const char* san_bank_class(const san_bank* bank, size_t index);
/* Pictures that show a class, and embeddings of its regions; -1 beyond. */
SAN_C_API int64_t san_bank_pictures(const san_bank* bank, size_t index);
SAN_C_API int64_t san_bank_examples(const san_bank* bank, size_t index);
SAN_C_API int64_t san_bank_all_pictures(const san_bank* bank); /* whatever they show; 0 of NULL */
/* 1 when one of the vocabulary's classes has examples, which san_vocabulary_with_bank() needs; 0 when none
 * has, -1 on failure. */
SAN_C_API int san_bank_knows(const san_bank* bank, const san_vocabulary* vocabulary);
/* 1 when the bank is this network's and its method takes banks; 0 when not, -1 on failure. */
SAN_C_API int san_model_takes_bank(const san_model* model, const san_bank* bank);
/* Of examples beside words, as leaving out one picture after the other found it. */
SAN_C_API float san_bank_weight(const san_bank* bank);
/* Of pictures like the bank's own: distances up to which the weight is whole, and from which on it is
 * nothing. 1, and 0 where the bank holds for all pictures alike (both stay as they were); -1 on failure. */
SAN_C_API int san_bank_gate(const san_bank* bank, float* open, float* closed);
SAN_C_API void san_bank_free(san_bank* bank);

/* The same words, of which the bank knows examples too; classes find theirs by name. weight: negative for the
 * bank's own, less for pictures unlike its own. An error with another network's bank, and without any
 * example. */
SAN_C_API san_vocabulary* san_vocabulary_with_bank(const san_model* model, const san_vocabulary* vocabulary,
                                                   const san_bank* bank, float weight);

/* Makes a bank of the vocabulary's classes, picture by picture; for one thread at a time. */
typedef struct san_bank_builder san_bank_builder;
SAN_C_API san_bank_builder* san_bank_builder_create(const san_model* model, const san_vocabulary* vocabulary);
/* labels: height × width indices of classes, 65535 where nothing is known; `capacity` of them. */
SAN_C_API int san_bank_builder_add(san_bank_builder* builder, const san_pixels* pixels,
                                   const uint16_t* labels, size_t capacity,
                                   const san_segment_options* options);
/* A picture of one thing, in its middle. */
SAN_C_API int san_bank_builder_add_whole(san_bank_builder* builder, const san_pixels* pixels,
                                         int32_t class_index, const san_segment_options* options);
/* Goes on with a bank, whose classes are all among the vocabulary's. */
SAN_C_API san_bank_builder* san_bank_builder_continue(const san_model* model,
                                                      const san_vocabulary* vocabulary, const san_bank* bank);
/* Goes on with other words, among whose classes are all that have examples. */
SAN_C_API int san_bank_builder_use(san_bank_builder* builder, const san_vocabulary* vocabulary);
/* Regions of a picture that somebody named, labels as above; it may come again with others and counts once.
 * What is said last of a region holds. `examples`, which may be NULL: how many it gave, 0 where the regions
 * are smaller than a thousandth of the picture. */
SAN_C_API int san_bank_builder_add_regions(san_bank_builder* builder, const san_features* features,
                                           const uint16_t* labels, size_t capacity, size_t* examples);
/* The same, ended by a cancellation (or NULL) as the options of other calls name it. */
SAN_C_API int san_bank_builder_add_regions_cancellable(san_bank_builder* builder,
                                                       const san_features* features, const uint16_t* labels,
                                                       size_t capacity, const san_cancellation* cancellation,
                                                       size_t* examples);
/* Memory that it holds; 0 of NULL. */
SAN_C_API size_t san_bank_builder_bytes(const san_bank_builder* builder);
SAN_C_API san_bank* san_bank_builder_finish(const san_bank_builder* builder);
SAN_C_API void san_bank_builder_free(san_bank_builder* builder);

#ifdef __cplusplus
}
#endif
#endif
