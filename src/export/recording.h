#pragma once
#include <functional>

#include "backend/onnx/onnx_backend.h"
#include "export/graphs.h"
#include "model/config.h"
#include "tensor/parameter_source.h"

namespace san {

/// Sides of padded pictures are multiples of this.
inline constexpr std::int64_t kMultiple = 32;

/// The numbers that stand for sizes while the image branch is recorded.
struct ImageSizes {
  std::int64_t batch = 1;
  Grid size;
  std::int64_t classes = 0;
  friend bool operator==(const ImageSizes&, const ImageSizes&) = default;
};

/// Two that have no number in common, with one another or with any grid that a network was trained on.
inline constexpr ImageSizes kOneImage{2, {kMultiple * 23, kMultiple * 29}, 17},
    kOtherImage{3, {kMultiple * 37, kMultiple * 41}, 19};

/// Records a graph once, with what it asks for.
using RecordImage = std::function<OnnxRecord(OnnxGraph& graph, OnnxRecording recording,
                                             const ParameterSource& parameters, const ImageSizes& sizes)>;

/// Records at `other`, then into `graph` at `main`: what differs between the two is free. Where they are
/// equal, nothing is.
void record_at_two_sizes(OnnxGraph& graph, const SanConfig& config, const ParameterSource& parameters,
                         const ImageSizes& main, const ImageSizes& other, const RecordImage& record,
                         const Int8Scales& int8 = {});

}  // namespace san
