#pragma once
#include <atomic>
#include <memory>

#include "engine/engine.h"
#include "engine/views.h"
#include "eval/evaluator.h"

namespace san::cli {

struct PredictionOptions {
  bool refine = false;
  std::string bank;  ///< as it was given, for reports
  float min_score = 0;
  bool synonyms = false;  ///< the words have them, for reports
};

/// A model as `san evaluate` scores it: every picture is seen once or in several views (sizes, mirrored,
/// windows, tiles), whose class maps are averaged. `cancelled` ends it within the next op, by Cancelled.
std::unique_ptr<Predictor> model_predictor(std::shared_ptr<const Engine> engine,
                                           std::shared_ptr<const TextEmbeddings> vocabulary,
                                           const ViewOptions& views, const PredictionOptions& options,
                                           int threads, const std::atomic<bool>* cancelled);

}  // namespace san::cli
