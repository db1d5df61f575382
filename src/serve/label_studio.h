#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "serve/answers.h"
#include "serve/fields.h"
#include "serve/service.h"

namespace san::serve {

// Label Studio's machine learning backend: what it asks of POST /setup and POST /predict.

/// A mask of set pixels, row by row, in the run lengths of Label Studio's brush (thi.ng's rle-pack): a
/// picture of four channels, each 0 or 255. Throws Error when `mask` is not height × width values.
std::vector<std::uint8_t> brush_rle(std::span<const std::uint8_t> mask, int height, int width);
/// The mask again. Throws Error on what brush_rle() cannot have written.
std::vector<std::uint8_t> decode_brush_rle(std::span<const std::uint8_t> rle, int height, int width);

/// The brush of a labelling interface.
struct BrushConfig {
  std::string from_name, to_name;   ///< of <BrushLabels> and the <Image> it paints on
  std::string data_key;             ///< of the task's data that has the picture
  std::vector<std::string> values;  ///< of the labels, each a class
  std::vector<std::string> shown;   ///< what results call them: the alias where there is one
};

/// Throws Refusal 422 where it is no XML, or has no <BrushLabels> with labels over an <Image>.
BrushConfig read_brush_config(std::string_view xml);

struct PredictRequest {
  BrushConfig config;
  std::vector<std::string> pictures;  ///< one per task: an address, or a file in base 64 behind "data:"
};
PredictRequest read_predict_request(std::string_view body);

/// The segmentation of one task's picture.
SegmentRequest predict_segment(const PredictRequest& request, const Limits& limits);
OrderedJson write_prediction(const BrushConfig& config, const Outcome& outcome,
                             const std::string& model_version);

}  // namespace san::serve
