// Dataset descriptions, and with them every YAML document. Input: the text.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "data/dataset_spec.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    (void)san::parse_dataset_spec({reinterpret_cast<const char*>(data), size}, "fuzz", "/nonexistent");
  } catch (const san::Error&) {
  }
  return 0;
}
