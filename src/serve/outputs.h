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

/// Classes, distractors left out and "other" behind them, as a label map's values count them.
LabelMap client_labels(const Outcome& outcome);

/// The second best class of every pixel.
struct RunnerUp {
  LabelMap labels;            ///< an index into the client's classes; `classes` where there is one class only
  std::vector<float> scores;  ///< [height, width]
};
/// At the picture's proportions, `longest_side` pixels at most. A few classes at a time: memory does not grow
/// with their number.
RunnerUp runner_up(const Segmentation& result, std::size_t classes, int longest_side);

}  // namespace san::serve
