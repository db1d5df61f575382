#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "eval/evaluator.h"
#include "metrics/bootstrap.h"

namespace san {

/// One way of labelling, to be compared with others.
struct Technique {
  std::string name;
  std::unique_ptr<Predictor> predictor;
};

struct SweepRow {
  std::string name;
  std::map<std::string, std::string> settings;
  Spread spread;
  double seen_miou = 0, unseen_miou = 0, harmonic = 0;  ///< NaN without class lists
  Reliability reliability;
  ScoreCurve curve;  ///< of its scores
  double ms = 0;     ///< computing, of a picture in the mean
  /// Time of a picture over the first technique's of that picture, in the median, which a machine that
  /// pauses for other work does not move.
  double cost = 0;
};

/// Techniques compared on the same pictures, the first being what the others are compared with.
struct Sweep {
  std::string dataset, title, split, predictor;
  std::size_t pictures = 0;
  std::vector<SweepRow> rows;
  std::vector<Problem> problems;  ///< sorted; their pictures are left out for all techniques

  bool has_split() const;
};

constexpr int kSweepResamples = 1000;

/// Each picture is shown to every technique in turn, so that what the machine does meanwhile is shared
/// evenly. Of `options` heeds shard, strict, limit, seen, unseen, decode, quiet and cancelled. Throws Error
/// as evaluate() does, and Cancelled.
Sweep run_sweep(const Dataset& dataset, std::vector<Technique> techniques, const EvaluationOptions& options);

/// Tables for a terminal and for programs, in percent, and one self-contained page with drawn intervals.
std::string sweep_text(const Sweep& sweep);
std::string sweep_json(const Sweep& sweep);
std::string sweep_html(const Sweep& sweep);
/// Writes sweep.html and sweep.json into a folder, made if needed.
void write_sweep(const Sweep& sweep, const std::filesystem::path& folder);

}  // namespace san
