#pragma once
#include <functional>
#include <span>
#include <string>

#include "image/sandbox/pixel_sink.h"
#include "image/sandbox/protocol.h"

namespace san::sandbox {

/// What a helper can do: gives `sink` the pixels of the task or throws Error.
using Worker = std::function<void(const Request& request, std::span<const std::byte> input,
                                  const std::string& name, const PixelSink& sink)>;

/// A helper's whole life: `warm_up` (whatever decoders do once: load, read, allocate), lock_down(), then
/// requests until the program hangs up. Returns the process's exit code.
int serve(const std::function<void()>& warm_up, const Worker& worker);

}  // namespace san::sandbox
