#pragma once
#include "bench/matmul_peak.h"

namespace san {

/// oneDNN's own float32 2048³ product on so many threads (0: one per processor), whose second operand it may
/// lay out as it likes. Throws Error when oneDNN does.
MatmulPeak onednn_matmul_peak(int threads);

}  // namespace san
