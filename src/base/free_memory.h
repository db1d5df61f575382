#pragma once
#include <cstdint>

namespace san {

/// Gives the system back what the process has let go of: after work that needed more memory than what
/// follows, such as reading a model.
void give_back_free_memory();

/// Memory this process may still take: the machine's, or what its control group or its own limit of addresses
/// (`ulimit -v`) leaves of it. 0: unknown.
std::int64_t available_memory_bytes();

}  // namespace san
