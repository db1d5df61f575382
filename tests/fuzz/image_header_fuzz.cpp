// Headers of every picture format, and what is judged by them.
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/error.h"
#include "image/codec/limits.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    san::checked_header(std::as_bytes(std::span(data, size)), "fuzz", 1 << 20);
  } catch (const san::Error&) {
  }
  return 0;
}
