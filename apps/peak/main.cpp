// What `san bench` starts to measure the machine's matmul peak: oneDNN's pages and threads are nobody else's.
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "bench/onednn/onednn_peak.h"

int main(int argc, char** argv) {
  try {
    std::printf("%.3f\n", san::onednn_matmul_peak_gflops(argc > 1 ? std::atoi(argv[1]) : 0));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
