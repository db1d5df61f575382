#pragma once
#include <atomic>

namespace san::testing {

/// While `counting` is set, operator new and posix_memalign (which libav's own pools ask too) count how often
/// they are asked, by any thread of this program and by the libraries that it loads. In programs that are
/// linked with this file.
extern std::atomic<bool> counting;
extern std::atomic<int> allocations, aligned_allocations;

}  // namespace san::testing
