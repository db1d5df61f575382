#pragma once
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "san/class_names.hpp"
#include "san/image.hpp"

namespace san {

/// Of the weights in the files. kInt8: of the linear layers of the image branch, with what they multiply; the
/// rest as in kHalf.
enum class ExportPrecision : std::uint8_t { kFloat, kHalf, kInt8 };

struct ExportRequest {
  std::filesystem::path folder;
  std::string model = "default", bpe;  ///< as for load_model
  int opset = 18;
  ExportPrecision precision = ExportPrecision::kFloat;
  std::optional<std::int64_t> height, width;  ///< of the padded picture, multiples of 32; none: any
  std::optional<std::int64_t> classes;        ///< none: any number
  bool segmenter = false;                     ///< segmenter.onnx too: picture in, labels out
  std::vector<ClassName> names;               ///< folded into the graphs; none: embeddings are an input
  bool external_data = false, quiet = false;
  const std::atomic<bool>* cancelled = nullptr;  ///< looked at between weights and batches of prompts

  // For kInt8.
  /// Pictures of the kind that the graphs will see: their ranges become those of the graph.
  std::vector<Image> calibration;
  std::vector<ClassName> calibration_names;  ///< what their pixels are called; `names` where those are given
  double most_changed = 0.005;               ///< as in CalibrationRequest
  int threads = 0;
};

struct ExportedFile {
  std::filesystem::path path;
  std::int64_t bytes = 0;
  std::string summary;
};

/// Writes image.onnx, text.onnx, tokenizer.json and metadata.json, which appear once all are whole. `backend`
/// embeds names and runs what calibration asks. Throws Error naming what cannot be exported: a model that is
/// no SAN, an operator set out of range, a weight that float16 cannot hold; then nothing has been written.
std::vector<ExportedFile> export_onnx(const ExportRequest& request, const Backend& backend);

}  // namespace san
