#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "image/sandbox/pixel_sink.h"

namespace san::fuzz {

/// Runs `read` (a decoder) on the input with memory of exactly the size it asks for.
template <class Read>
void decode_into_memory(const std::uint8_t* data, std::size_t size, std::size_t pixel_bytes,
                        const Read& read) {
  constexpr std::int64_t kMaxPixels = 1 << 16;
  std::vector<std::byte> pixels;
  const PixelSink sink{[&](int height, int width) {
                         pixels = std::vector<std::byte>(static_cast<std::size_t>(height) *
                                                         static_cast<std::size_t>(width) * pixel_bytes);
                         return pixels.data();
                       },
                       {}};
  try {
    read(std::as_bytes(std::span(data, size)), std::string("fuzz"), kMaxPixels, sink);
  } catch (const Error&) {
  }
}

}  // namespace san::fuzz
