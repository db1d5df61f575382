#pragma once
#include <atomic>

namespace san {

/// Installs the process's only handlers of SIGINT and SIGTERM and returns the flag they set. A second signal
/// ends the process at once.
const std::atomic<bool>& catch_interrupts();

}  // namespace san
