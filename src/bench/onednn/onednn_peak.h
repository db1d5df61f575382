#pragma once

namespace san {

/// Best GFLOP/s of oneDNN's own float32 2048³ product on so many threads (0: one per processor), whose second
/// operand it may lay out as it likes. Throws Error when oneDNN does.
double onednn_matmul_peak_gflops(int threads);

}  // namespace san
