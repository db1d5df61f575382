#include "export/metadata.h"

#include <nlohmann/json.hpp>

#include "image/preprocess.h"

namespace san {
namespace {

using json = nlohmann::ordered_json;

json extent(std::optional<std::int64_t> fixed, const char* name) {
  return fixed ? json(*fixed) : json(name);
}

json tensor(const char* type, json shape) {
  return {{"type", type}, {"shape", std::move(shape)}};
}

json int8_layers(const Calibration& c) {
  json floats = json::array();
  for (const CalibratedLayer& layer : c.layers)
    if (!layer.int8) floats.push_back({{"layer", layer.name}, {"labels_changed", layer.changed}});
  return {{"weights", "7 bits, by output channel"},
          {"activations", "8 bits, one scale a tensor"},
          {"share_of_linear_layers", c.int8_share()},
          {"calibration_pictures", c.pictures},
          {"labels_changed", c.changed},
          {"float_layers", floats}};
}

}  // namespace

std::string export_metadata(const LoadedModel& model, const SanConfig& config, const ExportRequest& r,
                            const TextEmbeddings* folded, const Calibration* calibration) {
  const std::int64_t d = config.clip.embed_dim, q = config.queries;
  const bool fixed = r.height.has_value();
  const json batch = fixed ? json(1) : json("batch");
  const std::optional<std::int64_t> rows = folded ? folded->row_count() : r.classes;
  const json classes = extent(rows, "classes");
  json out;
  out["format"] = "san.cpp-onnx-1";
  out["model"] = {{"name", model.name}, {"description", model.description}, {"license", model.license}};
  out["opset"] = r.opset;
  out["precision"] = r.precision == ExportPrecision::kInt8   ? "int8"
                     : r.precision == ExportPrecision::kHalf ? "fp16"
                                                             : "fp32";
  if (calibration) out["int8"] = int8_layers(*calibration);
  out["image"] = {
      {"file", "image.onnx"},
      {"inputs",
       {{"image", tensor("float32", {batch, 3, extent(r.height, "height"), extent(r.width, "width")})},
        {"text_embeddings", tensor("float32", {classes, d})}}},
      {"outputs",
       {{"mask_logits",
         tensor("float32", {batch, q, fixed ? json(*r.height / config.patch) : json("height / patch"),
                            fixed ? json(*r.width / config.patch) : json("width / patch")})},
        {"class_logits", tensor("float32", {batch, q, rows ? json(*rows + 1) : json("classes + 1")})}}},
      {"patch", config.patch},
      {"color", "RGB"},
      {"resize",
       {{"short_side", config.short_side},
        {"long_side", config.long_side},
        {"filter", "bilinear, antialiased"}}},
      {"mean", {kClipMean[0], kClipMean[1], kClipMean[2]}},
      {"deviation", {kClipDeviation[0], kClipDeviation[1], kClipDeviation[2]}},
      {"pad_multiple", 32},
      {"pad_value", 0},
      {"background", "the last of class_logits"}};
  out["text"] = {{"file", "text.onnx"},
                 {"inputs", {{"token_ids", tensor("int64", {"prompts", "tokens"})}}},
                 {"outputs", {{"text_embeddings", tensor("float32", {"prompts", d})}}},
                 {"tokenizer", "tokenizer.json"},
                 {"start_token", model.tokenizer->start_token()},
                 {"end_token", model.tokenizer->end_token()},
                 {"context", config.clip.context},
                 {"templates", model.templates.texts}};
  if (folded) {
    out["image"]["inputs"].erase("text_embeddings");
    out["classes"] = folded->classes;
    out["row_class"] = folded->row_classes();
  }
  if (r.segmenter) {
    out["segmenter"] = {{"file", "segmenter.onnx"},
                        {"inputs", {{"picture", tensor("uint8", {"height", "width", 3})}}},
                        {"outputs", {{"labels", tensor("int32", {"height", "width"})}}},
                        {"bytes_a_pixel", 4 * (q + rows.value_or(0))},
                        {"labels", folded ? "indices of classes" : "indices of rows of text_embeddings"}};
    if (!folded) out["segmenter"]["inputs"]["text_embeddings"] = tensor("float32", {"classes", d});
  }
  out["steps"] = {
      "Resize the picture (values 0 to 255), divide by 255, subtract mean, divide by deviation, pad with "
      "zeros "
      "below and to the right to multiples of pad_multiple.",
      "Put every class name into every template, tokenize, run text.onnx (fill shorter prompts up with "
      "anything "
      "behind their end token); the mean over the templates, brought to length 1, is the class's row of "
      "text_embeddings. Rows can be kept: they depend on nothing else.",
      "Run image.onnx.",
      "Class probabilities: of a class with several names the largest logit counts; softmax, the "
      "background's "
      "dropped. Mask probabilities: "
      "mask_logits resized bilinearly (half pixel) to the padded size, cropped to the resized picture, "
      "resized "
      "bilinearly to the picture, then the sigmoid. The score of a class at a pixel is the sum over queries "
      "of "
      "their products; the label is the class with the largest."};
  return out.dump(1) + "\n";
}

}  // namespace san
