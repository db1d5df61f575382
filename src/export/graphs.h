#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/onnx/onnx_graph.h"
#include "backend/types.h"
#include "model/config.h"
#include "tensor/parameter_source.h"

namespace san {

/// Which sizes of the image branch a graph fixes; what is not given is free.
struct ImageGraphSizes {
  /// Of the padded picture in pixels; with it the batch is one. Free: multiples of 32, batches of any size.
  std::optional<std::int64_t> height, width;
  std::optional<std::int64_t> classes;
};

/// The network's named intermediate values that become outputs too, under their names with this before them;
/// none when empty.
inline const std::string kTapPrefix = "tap_";
using TapFilter = std::function<bool(std::string_view name)>;

/// As OnnxRecording::int8_scale; none: nothing is int8.
using Int8Scales = std::function<float(const Param& weight)>;

/// Records the image branch: inputs `image` [batch, 3, height, width] (normalised, padded) and
/// `text_embeddings` [classes, D]; outputs `mask_logits` [batch, Q, height/16, width/16] and `class_logits`
/// [batch, Q, classes + 1], the background last. `text`: values of the embeddings, which are then no input.
/// Throws Error when the graph cannot be recorded, or a fixed size is no multiple of 32.
void record_image_branch(OnnxGraph& graph, const SanConfig& config, const ParameterSource& parameters,
                         const ImageGraphSizes& sizes, const TapFilter& taps = {},
                         const std::vector<float>& text = {}, const Int8Scales& int8 = {});

/// Class rows that are part of a graph; none: they are an input.
struct FoldedClasses {
  std::vector<float> rows;              ///< [rows, D]
  std::vector<std::int64_t> row_class;  ///< the class of each
};

/// Records the whole way from a picture to labels: inputs `picture` [height, width, 3] (uint8, RGB, any size)
/// and, unless classes are folded in, `text_embeddings` [classes, D]; output `labels` [height, width], int32:
/// the row, or of folded ones the class, with the largest score. Holds (Q + rows) · 4 bytes a pixel. Throws
/// Error below operator set 18, the first whose Resize smooths.
void record_segmenter(OnnxGraph& graph, const SanConfig& config, const ParameterSource& parameters,
                      const FoldedClasses& folded = {}, const Int8Scales& int8 = {});

/// x [1, C, h, w] of bytes or floats at `size`, a list of two integers, as the segmenter resizes: bilinearly;
/// `smooth` widens the filter when it shrinks, as pictures need and logits do not.
std::string record_resize(OnnxGraph& graph, const std::string& x, const std::string& size, bool smooth);

struct TextGraphSizes {
  std::optional<std::int64_t> prompts, tokens;
};

/// Records the text tower: input `token_ids` [prompts, tokens] (int64; from the start token, after the first
/// end token anything), output `text_embeddings` [prompts, D] of norm 1. `tokens` ≤ the context.
void record_text_tower(OnnxGraph& graph, const SanConfig& config, const ParameterSource& parameters,
                       int end_token, const TextGraphSizes& sizes = {});

}  // namespace san
