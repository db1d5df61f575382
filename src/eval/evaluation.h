#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "metrics/confusion.h"
#include "metrics/metrics.h"
#include "metrics/reliability.h"

namespace san {

/// How well one image was segmented.
struct ImageScore {
  std::string stem;
  double miou = 0;  ///< over the classes in its truth
  double pacc = 0;

  friend bool operator==(const ImageScore&, const ImageScore&) = default;
};

/// A picture for the report: JPEG bytes of the picture, the truth over it and the prediction over it.
struct Example {
  ImageScore score;
  std::string picture, truth, prediction;

  friend bool operator==(const Example&, const Example&) = default;
};

struct Speed {
  double wall_seconds = 0;
  double predict_seconds = 0;  ///< computing, summed over images
  std::int64_t predicted = 0;  ///< images; 0 where stored results were read
};

/// All that a run found out, as counts: a shard's evaluation and the whole dataset's are of the same kind.
struct Evaluation {
  std::string dataset, title, split;
  std::string predictor;                        ///< model or result file
  std::map<std::string, std::string> settings;  ///< what else decides the numbers
  std::vector<std::string> classes;
  std::vector<int> seen, unseen;  ///< optional class lists
  std::vector<int> shards;        ///< which of shard_count are in
  int shard_count = 1;
  ConfusionMatrix confusion{1};
  BoundaryCounts boundary{1};
  Reliability reliability;           ///< of label scores; no pixels where none were known
  ScoreCurve curve;                  ///< that the predictor's scores have
  std::vector<ImageScore> images;    ///< sorted by stem
  std::vector<Example> best, worst;  ///< best first, worst first
  std::vector<Problem> problems;     ///< sorted
  Speed speed;

  Metrics metrics() const { return compute_metrics(confusion, boundary); }
};

/// Keeps the `limit` best and worst examples, the same ones in whatever order they come. Equal scores: by
/// stem.
class ExampleKeeper {
 public:
  explicit ExampleKeeper(std::size_t limit) : limit_(limit) {}
  /// Whether add() would keep it.
  bool wants(const ImageScore& score) const;
  void add(Example example);
  std::vector<Example> best, worst;

 private:
  std::size_t limit_;
};

/// JSON for `san evaluate --merge`; everything but time is exact. Written atomically.
void save_evaluation(const Evaluation& evaluation, const std::filesystem::path& path);
/// Throws Error for other and damaged files, above 256 MiB, 16 million values and 10 000 classes.
Evaluation load_evaluation(const std::filesystem::path& path);

/// The evaluation of all shards together: identical, speed apart, to that of one run over everything. Throws
/// Error unless all come from the same dataset, split, settings and sharding, and every shard is there
/// exactly once.
Evaluation merge_evaluations(std::vector<Evaluation> shards);

/// How many examples of each end a report shows.
constexpr std::size_t kExampleLimit = 6;

}  // namespace san
