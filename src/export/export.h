#pragma once
#include <atomic>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "san/class_names.hpp"

namespace san {

struct ExportRequest {
  std::filesystem::path folder;
  std::string model = "default", bpe;  ///< as for load_model
  int opset = 18;
  bool half = false;                          ///< weights as float16
  std::optional<std::int64_t> height, width;  ///< of the padded picture, multiples of 32; none: any
  std::optional<std::int64_t> classes;        ///< none: any number
  bool segmenter = false;                     ///< segmenter.onnx too: picture in, labels out
  std::vector<ClassName> names;               ///< folded into the graphs; none: embeddings are an input
  bool external_data = false, quiet = false;
  const std::atomic<bool>* cancelled = nullptr;  ///< looked at between weights and batches of prompts
};

struct ExportedFile {
  std::filesystem::path path;
  std::int64_t bytes = 0;
  std::string summary;
};

/// Writes image.onnx, text.onnx, tokenizer.json and metadata.json; each appears whole or not at all.
/// `backend` embeds the names that are folded in. Throws Error naming what cannot be exported: a model that
/// is no SAN, an operator set out of range, a weight that float16 cannot hold.
std::vector<ExportedFile> export_onnx(const ExportRequest& request, const Backend& backend);

}  // namespace san
