#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "serve/answers.h"
#include "serve/http.h"
#include "serve/service.h"

namespace san::serve {

// The Open Inference Protocol (KServe, Triton), version 2, over REST, with the binary tensor data extension.
//
// A model's inputs, of which a request has one picture and its words:
//   image    BYTES [1]            a picture's file; in JSON as base 64
//   pixels   UINT8 [h, w, 3]      instead, or [1, h, w, 3]: RGB
//   classes  BYTES [n]            "cup|mug" is one class with two names
// Request parameters: vocabulary or label_set in place of classes; background, short_side, preprocess,
// distractors (text, commas between), refine, bank (a flag or a name), bank_weight.
// Outputs, all of them where none is asked for:
//   labels   UINT16 [h, w]        index into classes, n for "other"; [1, h, w] of pixels that had four
//   dimensions scores   FP32 [h, w]          of each pixel's label areas    INT64 [n + 1]        pixels of
//   each class, the last of "other" names    BYTES [n]            labels of the classes

struct InferenceOutput {
  std::string name;
  bool binary = false;
};
struct InferenceRequest {
  SegmentRequest segment;
  std::optional<std::string> id;
  std::vector<InferenceOutput> outputs;
  bool batched = false;  ///< the picture came with a leading 1
};

/// Throws Refusal: 400 on what is no request of the protocol, 422 on what this model does not take.
InferenceRequest read_inference(const HttpRequest& request, const Limits& limits);

/// `names`: labels of the client's classes.
HttpAnswer write_inference(const InferenceRequest& request, const Outcome& outcome, const std::string& model);

/// GET /v2/models/{model}.
OrderedJson inference_metadata(const std::string& model);

}  // namespace san::serve
