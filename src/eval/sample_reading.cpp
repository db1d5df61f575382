#include "eval/sample_reading.h"

#include <algorithm>

#include "image/codec/decode.h"

namespace san {

LabelMap read_truth(const DatasetSpec& spec, const Sample& sample, const DecodeOptions& decode) {
  LabelMap truth = read_or_reject(ProblemKind::kUnreadableLabel, sample.label,
                                  [&] { return decode_labels(sample.label, decode); });
  const auto foreign = std::ranges::find_if(
      truth.labels, [&](int value) { return value >= spec.class_count() && value != spec.ignore; });
  if (foreign != truth.labels.end())
    throw Rejected{{ProblemKind::kForeignLabelValue, sample.label,
                    fmt::format("holds {}; expected 0 to {} or {} (ignored)", *foreign,
                                spec.class_count() - 1, spec.ignore)}};
  return truth;
}

Image read_picture(const Sample& sample, const DecodeOptions& decode) {
  return read_or_reject(ProblemKind::kUnreadableImage, sample.image,
                        [&] { return decode_image(sample.image, decode); });
}

void require_same_size(const Sample& sample, const LabelMap& truth, int height, int width, const char* what) {
  if (truth.height != height || truth.width != width)
    throw Rejected{
        {ProblemKind::kWrongSize, sample.label,
         fmt::format("{}x{} pixels, the {} has {}x{}", truth.width, truth.height, what, width, height)}};
}

}  // namespace san
