#pragma once

#include <atomic>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "eval/evaluation.h"
#include "eval/predictions.h"
#include "san/codec.hpp"
#include "san/image.hpp"

namespace san {

/// At the picture's size.
struct Prediction {
  LabelMap labels;            ///< class index per pixel; kNoLabel: none
  std::vector<float> scores;  ///< of each pixel's label, [height · width]; empty: not known
};

/// Whatever labels pictures: a model, or the stored results of any tool.
class Predictor {
 public:
  virtual ~Predictor() = default;
  /// Nothing if there is no prediction. Throws Error.
  virtual std::optional<Prediction> predict(const Sample& sample, const Image& picture) = 0;
  /// For reports.
  virtual std::string name() const = 0;
  /// What besides the predictor decides the numbers, for reports and so that only like shards merge.
  virtual std::map<std::string, std::string> settings() const { return {}; }
  /// What its scores say.
  virtual ScoreCurve curve() const { return {}; }
  /// Whether predict() looks at the picture; it is given an empty one otherwise.
  virtual bool reads_pictures() const { return true; }
  /// Whether predict() may run in several threads at once. If not, other threads read and count meanwhile.
  virtual bool concurrent() const { return false; }
};

/// Predictions of any tool; see open_predictions().
std::unique_ptr<Predictor> stored_predictor(const std::filesystem::path& path, const DatasetSpec& spec,
                                            const DecodeOptions& decode = {});

struct EvaluationOptions {
  Shard shard;
  bool strict =
      false;        ///< fail, listing everything, if any file of the dataset or any prediction has a problem
  int threads = 0;  ///< 0: one per processor
  std::int64_t limit = 0;  ///< only the first so many samples; 0: all
  std::size_t examples = kExampleLimit;
  std::vector<int> seen{}, unseen{};
  PredictionWriter* writer = nullptr;  ///< also gets every prediction; committed at the end
  DecodeOptions decode{};              ///< of pictures and labels
  bool quiet = false;
  const std::atomic<bool>* cancelled = nullptr;  ///< ends it before the next sample
};

/// Scores a predictor on a dataset (or a shard of it). The result does not depend on the number of threads.
/// Samples with unreadable, wrong-sized or foreign-valued files are left out and listed in `problems`. Throws
/// Error when nothing could be scored, with `strict` on any problem, and Cancelled.
Evaluation evaluate(const Dataset& dataset, Predictor& predictor, const EvaluationOptions& options);

/// Reads every label and every picture's header of the samples; returns the dataset's problems and those
/// found, sorted. Of the options it heeds `threads`, `decode`, `quiet` and `cancelled`.
std::vector<Problem> check_dataset(const Dataset& dataset, const std::vector<Sample>& samples,
                                   const EvaluationOptions& options);

}  // namespace san
