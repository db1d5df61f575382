#pragma once
#include <string>

#include "calibrate/calibration.h"
#include "engine/loaded_model.h"
#include "export/export.h"
#include "text/vocabulary.h"

namespace san {

/// What a consumer of the graphs must know, as JSON: files, inputs and outputs with their sizes, how a
/// picture becomes an input, how prompts become embeddings, how logits become labels. `folded`: the classes
/// in the graphs; null: an input. `calibration`: of int8 layers; null: there are none.
std::string export_metadata(const LoadedModel& model, const SanConfig& config, const ExportRequest& request,
                            const TextEmbeddings* folded, const Calibration* calibration = nullptr);

}  // namespace san
