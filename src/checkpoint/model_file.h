#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/file_bytes.h"
#include "tensor/parameter_source.h"

namespace san {

/// What a model file carries beside its parameters: everything needed to run it.
struct ModelMetadata {
  std::string config;                  ///< JSON object; its fields are the model's business
  std::string merges;                  ///< the tokenizer's byte-pair merges, one pair per line
  std::vector<std::string> templates;  ///< prompt templates, "{}" stands for the class name
  std::string activation;           ///< of the CLIP towers: "quick_gelu" or "gelu"; others may leave it empty
  std::string license, model_card;  ///< may be empty
  std::map<std::string, std::string> extra;
  std::string architecture = "san";  ///< which kind of network; a file that does not say holds a SAN

  friend bool operator==(const ModelMetadata&, const ModelMetadata&) = default;
};

/// What kind of file parameters come from.
enum class SourceFormat { kModelFile, kSafetensors, kTorchZip, kTorchLegacy, kTorchScript };
std::string_view format_name(SourceFormat format);

struct ModelSource {
  std::shared_ptr<ParameterSource> parameters;  ///< names as in the file
  SourceFormat format = SourceFormat::kModelFile;
  std::optional<ModelMetadata> metadata;  ///< of our own format only
  std::set<std::string> int8 = {};        ///< names of the parameters that the file holds as bytes
};

/// Opens any supported file, told apart by content: our own, safetensors, torch.save, TorchScript. Throws
/// Error naming the path, on damage and beyond each format's limits; of our own format also on a
/// configuration nested more than 32 deep and more than 10 000 templates.
ModelSource open_model_source(const std::filesystem::path& path);
ModelSource open_model_source(FileBytes file);

/// Opens a file of our own; on a foreign one the Error says that it needs `san convert`, and why.
ModelSource open_model_file(const std::filesystem::path& path);
ModelSource open_model_file(FileBytes file);

/// Writes all parameters of `source` and the metadata as one safetensors file ("san.cpp-model-1"). `dtype`
/// kF32 or kF16; with kF16 tensors of fewer than two dimensions stay float32 (they cost nothing and scale
/// everything else). Those that `int8` names, matrices all, become signed bytes with a float32 scale per row
/// of their first axis, beside them as NAME.int8_scale ("san.cpp-model-2", which older programs refuse).
/// Holds one tensor at a time. Throws Error on incomplete metadata, on values that float16 or int8 cannot
/// hold, and on a name that `source` lacks.
void write_model_file(const std::filesystem::path& path, const ParameterSource& source,
                      const ModelMetadata& metadata, DType dtype, const std::set<std::string>& int8 = {});

}  // namespace san
