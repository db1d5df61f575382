#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace san {

struct QuantizationOptions {
  double agreement = 0.99;  ///< of labels with float32, over all pictures, that is to be reached
  int threads = 0;          ///< 0: one per processor
  /// Called after each picture of each measurement with how many are done, and about how many there will be.
  std::function<void(std::int64_t done, std::int64_t total)> progress;
  const std::atomic<bool>* cancelled = nullptr;
};

/// What int8 does to labels when one layer alone is computed in it.
struct LayerError {
  std::string name;
  std::int64_t weights = 0;
  double weight_error = 0;  ///< rms of what rounding changed, relative to the rms of the weights
  double agreement = 1;     ///< share of pixels whose label is that of float32
  bool kept = false;        ///< it stays float32
};

struct QuantizationReport {
  double agreement_of_attention = 1;  ///< with attention alone as int8's is, every layer in float32
  std::vector<LayerError> layers;     ///< the worst first
  double agreement_of_all = 1;        ///< with every layer in int8, and attention
  double agreement = 1;               ///< with those kept that had to be
  std::int64_t pixels = 0;
  int pictures = 0;

  std::set<std::string> kept() const;
};

/// Makes a backend of that session for an int8 rule, of none: float32; and with attention as int8's is, or in
/// float32.
using Int8BackendMaker = std::function<std::unique_ptr<Backend>(
    std::function<bool(std::string_view name)> int8, bool exact_attention)>;

/// Segments the pictures with the words in float32, with all layers in int8, and with attention and each of
/// them alone; then keeps the layer that costs most labels, one after another, until labels agree. Throws
/// Error where the pictures or words are none, or labels do not agree with everything kept; Cancelled.
QuantizationReport measure_quantization(const LoadedModel& model, const Int8BackendMaker& backend,
                                        std::span<const Image> pictures, std::span<const ClassName> words,
                                        const EncodingOptions& encoding, const QuantizationOptions& options);

}  // namespace san
