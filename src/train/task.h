#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "backend/torch/torch_backend_impl.h"
#include "san/image.hpp"

namespace san {

using NamedValues = std::vector<std::pair<std::string, double>>;

struct StepLoss {
  at::Tensor total;
  std::vector<std::pair<std::string, at::Tensor>> terms;
};

/// How a task is to measure itself.
struct EvaluationRun {
  bool thorough = false;  ///< on everything there is, else on a part
  bool quiet = false;     ///< no progress bar
  /// Asked between groups of pictures: whether to give the measuring up.
  std::function<bool()> interrupted = [] { return false; };
};

/// A picture, its true labels and those found by now, all of one size.
struct SamplePicture {
  Image picture;
  LabelMap truth, found;
};

/// What is trained on what; the Trainer does the rest.
class TrainingTask {
 public:
  virtual ~TrainingTask() = default;
  virtual TorchBackend& backend() = 0;
  virtual std::int64_t images_per_batch() const = 0;

  /// Starts making batches from where `stream` (a stream_state(), or empty: the beginning) left off.
  virtual void start(const std::string& stream) = 0;
  /// Waits for the next batch and brings it to the device. `progress`: part of the run done.
  virtual void fetch(double progress) = 0;
  /// How many parts the loss of every batch is computed in, one after another, so that memory holds one of
  /// them: the sum of their gradients is the batch's.
  virtual int parts() const { return 1; }
  /// The loss of a part of the fetched batch; `step` numbers the optimiser's step. May be asked again for the
  /// same part.
  virtual StepLoss loss(std::int64_t step, int part) = 0;
  /// JSON: where the stream stands after the batches fetched so far.
  virtual std::string stream_state() const = 0;

  /// Measures on held-out data; the first value decides what is best (higher is better). Empty: nothing to
  /// measure, or interrupted.
  virtual NamedValues evaluate(const EvaluationRun& run) = 0;
  /// For the report: what the network sees by now, and a value per class from the last evaluate(). Both may
  /// be empty.
  virtual std::vector<SamplePicture> samples() { return {}; }
  virtual NamedValues class_values() const { return {}; }
  /// Writes the model as it is now.
  virtual void export_model(const std::filesystem::path& path) = 0;
};

}  // namespace san
