/* How a picture becomes labels, stage by stage. Included by san/san.h, which begins with the rules. */
#ifndef SAN_C_EXPLAIN_H
#define SAN_C_EXPLAIN_H

#include "san/c_result.h"
#include "san/san.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A JSON object, described in docs/explain.md; of `names`, which may be NULL, image, model and colours stand
 * in it. An error for methods other than "san", the reference backend, augment, window and tile. */
SAN_C_API san_buffer* san_explain(san_segmenter* segmenter, const san_vocabulary* vocabulary,
                                  const san_pixels* pixels, const san_segment_options* options,
                                  const san_json_options* names);
/* What san_explain() says, as one HTML page with everything inside. */
SAN_C_API san_buffer* san_explanation_page(const char* json);

#ifdef __cplusplus
}
#endif
#endif
