#pragma once
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "checkpoint/model_file.h"
#include "model/config.h"
#include "tensor/host_array.h"

namespace san {

struct ConvertRequest {
  /// SAN .pth, CLIP TorchScript .pt, open_clip or Hugging Face CLIP, or our own; or the name of a fetched
  /// model
  std::filesystem::path input;
  std::filesystem::path output;
  std::filesystem::path bpe;       ///< merges to embed; not needed when the input is our own
  std::string templates = "vild";  ///< built-in set or file
  std::string activation;          ///< "quick_gelu" or "gelu"; empty: by the kind of file, where that tells
  std::vector<std::string> set;    ///< "field=value" (JSON value) on the configuration read off the shapes
  std::string title, license;
  DType dtype = DType::kF32;
  /// Matrices of the transformer blocks and the table of tokens as bytes with scales, those but for `kept`;
  /// `dtype` is that of the other matrices.
  bool int8 = false;
  std::set<std::string> kept;
};

struct ConvertReport {
  SanConfig config;
  std::string layout;                ///< what the input was
  std::vector<std::string> dropped;  ///< buffers and training state left behind
  bool untrained_adapter = false;    ///< the input was a CLIP alone: its adapter holds initial values
};

/// Writes one self-contained model file. Throws Error naming every missing, unexpected and misshapen
/// parameter at once; nothing is written then.
ConvertReport convert_model(const ConvertRequest& request);
/// The same with a source that is open; request.input is what messages call it.
ConvertReport convert_model(const ConvertRequest& request, const ModelSource& source);

}  // namespace san
