#pragma once
#include <string>
#include <vector>

#include "serve/multipart.h"
#include "serve/segment_request.h"
#include "serve/service.h"

namespace san::serve {

/// What the request asked for, in its order. `model`: its id.
std::vector<AnswerPart> write_outputs(const Outcome& outcome, const SegmentRequest& request,
                                      const std::string& model);

/// The second best class of every pixel.
struct RunnerUp {
  LabelMap labels;            ///< a class; the number of classes where there is but one
  std::vector<float> scores;  ///< [height, width]
};
/// At the picture's proportions, `longest_side` pixels at most. A few classes at a time: memory does not grow
/// with their number.
RunnerUp runner_up(const Segmentation& result, int longest_side);

}  // namespace san::serve
