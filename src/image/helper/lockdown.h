#pragma once
#include <cstdint>

namespace san::sandbox {

/// Closes the door behind a decoding helper: closes every descriptor but those of the protocol, gives up
/// files, processes, core dumps, new privileges, the file system (landlock) and all system calls that
/// computing does not need (seccomp; the others end the process). Nothing can be undone afterwards. Returns
/// the walls (of protocol.h) that stand; what this kernel lacks is left out.
std::uint32_t lock_down();

}  // namespace san::sandbox
