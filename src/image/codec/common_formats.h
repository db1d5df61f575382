#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "image/sandbox/pixel_sink.h"
#include "image/sandbox/protocol.h"

namespace san {

/// kRgb or kLabels of a PNG or a JPEG, in this process. Throws Error naming the file.
void decode_common_format(sandbox::Task task, std::span<const std::byte> bytes, const std::string& name,
                          std::int64_t max_pixels, const PixelSink& sink);

}  // namespace san
