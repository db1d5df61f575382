#pragma once
#include <atomic>
#include <memory>

#include "engine/engine.h"
#include "eval/evaluator.h"
#include "eval/views.h"

namespace san::cli {

/// A model as `san evaluate` scores it: every picture is seen once or in several views (sizes, mirrored,
/// windows), whose class maps are averaged. `cancelled` ends it within the next op, by Cancelled.
std::unique_ptr<Predictor> model_predictor(std::shared_ptr<const Engine> engine,
                                           std::shared_ptr<const TextEmbeddings> vocabulary,
                                           const ViewOptions& views, int threads,
                                           const std::atomic<bool>* cancelled);

}  // namespace san::cli
