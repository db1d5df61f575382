#pragma once
#include <cstddef>

namespace san {

/// Lets libtorch's CPU side use `threads` threads (0: one per processor the process may run on; left alone,
/// it takes half of them) and reuse freed memory: without, every large intermediate value is new to the
/// kernel, which zeroes it page by page and spends more time so than the arithmetic takes.
void prepare_cpu_runtime(int threads);

/// Bytes in libtorch's hands and bytes kept for its next requests.
struct CpuMemory {
  std::size_t in_use = 0, kept = 0, peak = 0;
};
CpuMemory cpu_memory();

}  // namespace san
