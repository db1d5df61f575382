#pragma once
#include "bench/matmul_peak.h"

namespace san {

/// The machine's own matmul speed: float32 products of 2,048² matrices by oneDNN with packed weights, on
/// `threads` threads (0: one per processor). Throws Error when oneDNN cannot run.
MatmulPeak measure_matmul_peak(int threads);

/// The machine's matmul speed in turns with what is compared with it: on a machine with other users both are
/// slowed down alike, where the best speed of all would be set against whatever time others left.
class PeakTurns {
 public:
  /// Measures; `threads` and errors as in measure_matmul_peak.
  explicit PeakTurns(int threads);
  /// Measures again. What the machine did around what ran since the measurement before, in GFLOP/s: the mean
  /// of the two medians.
  double next();
  /// The best product of all measurements, in GFLOP/s.
  double best() const { return best_; }

 private:
  int threads_;
  double best_, median_;
};

}  // namespace san
