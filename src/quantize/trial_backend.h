#pragma once
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "quantize/quantizer.h"

namespace san {

/// What a linear layer is called where its precision is chosen: its parameter, and of a part of one the rows.
std::string layer_name(const Param& weight);

/// A linear layer of a network under trial.
struct TrialLayer {
  std::string name;
  std::int64_t in = 0, out = 0;
  std::int64_t macs = 0;    ///< multiply-adds while observed
  MagnitudeHistogram seen;  ///< what came in while observed
  float scale = 0;          ///< of what comes in, with `int8`
  bool int8 = false;
};

/// Settings and findings that all sessions of a trial share. Not thread-safe: one network runs at a time.
struct Trial {
  bool observing = false;
  /// In the order in which they were prepared; layers that never run keep macs = 0.
  std::vector<std::shared_ptr<TrialLayer>> layers;
};

/// Runs a network on another backend and lets each of its linear layers compute as it would with int8
/// operands: x rounded to multiples of its static scale, the weight by column (quantize_matrix), the rest in
/// float32. The sums are those of integers but for float rounding. Everything else is the other backend's,
/// attention, norms and attention biases too; MLPs run layer by layer.
std::unique_ptr<Backend> make_trial_backend(std::unique_ptr<Backend> inner, std::shared_ptr<Trial> trial);

}  // namespace san
