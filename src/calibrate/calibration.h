#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "engine/loaded_model.h"
#include "san/image.hpp"
#include "text/vocabulary.h"

namespace san {

struct CalibrationRequest {
  std::vector<Image> pictures;                  ///< of the kind that the model will see
  std::shared_ptr<const TextEmbeddings> words;  ///< what their pixels are called
  /// Of all pixels, what share may get another label than in float32.
  double most_changed = 0.005;
  int threads = 0;  ///< 0: one per processor
  bool quiet = false;
  const std::atomic<bool>* cancelled = nullptr;
};

/// A linear layer of the image branch, in the order in which they run.
struct CalibratedLayer {
  std::string name;  ///< layer_name()
  std::int64_t macs = 0;
  float scale = 0;  ///< of what comes in: multiples of it, up to ±127
  /// Share of the first picture's pixels that get another label when this layer alone is int8; 0 where all
  /// may be and none was measured.
  double changed = 0;
  bool int8 = false;
};

struct Calibration {
  std::vector<CalibratedLayer> layers;
  double changed = 0;  ///< share of pixels that get another label in all
  int pictures = 0;

  /// The scale of what the layer with this weight multiplies; 0: it stays float32.
  float scale(const Param& weight) const;
  /// Share of all linear layers' multiply-adds that are int8.
  double int8_share() const;
};

/// Runs the pictures and takes for each linear layer the range with the smallest mean squared error of its
/// input. Where all in int8 lose more labels than `most_changed`, measures how many each costs alone, and
/// leaves those that cost most in float32 until no more are lost together. Throws Error on no pictures,
/// Cancelled when told.
Calibration calibrate(const LoadedModel& model, const Backend& backend, const CalibrationRequest& request);

}  // namespace san
