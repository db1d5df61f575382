#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/model_file.h"
#include "text/bpe_tokenizer.h"
#include "text/class_names.h"
#include "train/network.h"
#include "train/recipe.h"

namespace san {

/// What a run starts from, and what its models carry besides parameters.
struct StartModel {
  SanConfig config;
  std::shared_ptr<const ParameterSource> parameters;  ///< all of the network
  ModelMetadata metadata;

  BpeTokenizer tokenizer() const;
  /// Writes the model with the backend's parameters in place of those it started from.
  void write(const std::filesystem::path& path, const TorchParameters& trained,
             DType dtype = DType::kF16) const;
};

/// Opens what MODEL.INIT names. Until a program says otherwise that is a path; one with a model built in
/// makes "default" known too.
using ModelOpener = std::function<ModelSource(const std::string& name)>;
void set_model_opener(ModelOpener opener);

/// From MODEL.INIT (a model file, or "default") or initial weights of MODEL.BASE, with MODEL.NETWORK's
/// fields. A fresh adapter takes nothing but CLIP from the file. Throws Error for anything else than a model
/// file.
StartModel start_model(const Recipe& recipe);

/// Embeds the names of classes by the start model's text tower, on the device of `options`.
ClassTexts embed_classes(const StartModel& model, std::span<const ClassName> classes,
                         const std::string& templates, const TorchOptions& options);

}  // namespace san
