#pragma once
#include <cstdint>
#include <string>

namespace san {

/// Milliseconds since some fixed moment.
double now_ms();

/// Most resident memory that this process ever had; 0 where the system does not say.
std::int64_t peak_memory_bytes();

/// The processor as its maker calls it, "unknown" where the system does not say.
std::string processor_name();

}  // namespace san
