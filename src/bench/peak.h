#pragma once

namespace san {

/// The machine's own matmul speed: float32 products of 2,048² matrices by oneDNN with packed weights, best of
/// several, on `threads` threads (0: one per processor). In 10⁹ floating-point operations per second, two per
/// multiply-add. Throws Error when oneDNN cannot run.
double measure_matmul_peak_gflops(int threads);

}  // namespace san
