#pragma once
#include <atomic>

namespace san::testing {

/// While `counting` is set, operator new counts how often it is asked, by any thread of this program.
extern std::atomic<bool> counting;
extern std::atomic<int> allocations;

}  // namespace san::testing
