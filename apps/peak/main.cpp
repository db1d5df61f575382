// What `san bench` starts to measure the machine's matmul peak: oneDNN's pages and threads are nobody else's.
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "bench/onednn/onednn_peak.h"

int main(int argc, char** argv) {
  try {
    const san::MatmulPeak peak = san::onednn_matmul_peak(argc > 1 ? std::atoi(argv[1]) : 0);
    std::printf("%.3f %.3f\n", peak.best, peak.median);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
